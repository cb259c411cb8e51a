// Mails when something needs a person. Each rule is a query over the app's own log lines (queries/alerts/*.kql, events
// of shared/telemetry.py) that finds something only if something is wrong; docs/first-deployment.md lists them.

@description('Ending of the resources\' names.')
param token string

@description('Azure region.')
param location string

@description('Tags of the resources.')
param tags object

@description('Application Insights component whose logs are looked at.')
param insightsResourceId string

@description('Who is told. Empty: alerts show in the portal only.')
param emails string[]

@description('Hours without any finished run that are too many. 0: never; for exports that run more seldom.')
param hoursWithoutRun int

@description('Percent of a run\'s rows that may be rejected.')
param rejectsPercent int

var always = [
  {
    name: 'run-failed'
    description: 'A run ended as failed. Its record says why and what to do.'
    query: loadTextContent('../queries/alerts/run-failed.kql')
    severity: 2
    window: 'PT15M'
    frequency: 'PT5M'
    dimensions: [{ name: 'export_id', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'poison-message'
    description: 'A message failed five times and was put aside: a run is not worked on, or an arrival was not noticed.'
    query: loadTextContent('../queries/alerts/poison-message.kql')
    severity: 1
    window: 'PT15M'
    frequency: 'PT5M'
    dimensions: [{ name: 'queue', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'timer-silent'
    description: 'The app has not looked for due exports for half an hour: it is down, or its timer is.'
    query: loadTextContent('../queries/alerts/timer-silent.kql')
    severity: 1
    window: 'PT30M'
    frequency: 'PT5M'
    dimensions: []
  }
  {
    name: 'export-not-queued'
    description: 'An export was due, and its run could not be queued.'
    query: loadTextContent('../queries/alerts/export-not-queued.kql')
    severity: 2
    window: 'PT15M'
    frequency: 'PT5M'
    dimensions: [{ name: 'export_id', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'erasure-failed'
    description: 'An erasure ended as failed: a person who is to be forgotten is not. Its record says why.'
    query: loadTextContent('../queries/alerts/erasure-failed.kql')
    severity: 2
    window: 'PT15M'
    frequency: 'PT5M'
    dimensions: [{ name: 'erasure_id', operator: 'Include', values: ['*'] }]
  }
  {
    name: 'rejects'
    description: 'More rows of a run were rejected than usual. Its report names them.'
    query: replace(loadTextContent('../queries/alerts/rejects.kql'), 'REJECTS_PERCENT', string(rejectsPercent))
    severity: 3
    window: 'PT15M'
    frequency: 'PT5M'
    dimensions: [{ name: 'export_id', operator: 'Include', values: ['*'] }]
  }
]
var scheduled = [
  {
    name: 'no-run'
    description: 'No run has finished for longer than the schedule allows.'
    query: replace(loadTextContent('../queries/alerts/no-run.kql'), 'HOURS', string(hoursWithoutRun))
    severity: 2
    window: 'P2D'
    frequency: 'PT1H'
    dimensions: []
  }
]
var rules = concat(always, (hoursWithoutRun > 0) ? scheduled : [])

module people 'br/public:avm/res/insights/action-group:0.8.0' = if (!empty(emails)) {
  name: 'alert-people'
  params: {
    name: 'ag-${token}'
    location: 'global'
    tags: tags
    groupShortName: 'segments'
    emailReceivers: [for (email, i) in emails: {
      name: 'person-${i}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

// A query is only looked at when it is run: at the first deployment there are no tables yet to check it against.
module alerts 'br/public:avm/res/insights/scheduled-query-rule:0.6.0' = [for rule in rules: {
  name: 'alert-${rule.name}'
  params: {
    name: '${rule.name}-${token}'
    location: location
    tags: tags
    alertDisplayName: 'Segments to SendGrid: ${rule.name}'
    alertDescription: rule.description
    severity: rule.severity
    scopes: [insightsResourceId]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    autoMitigate: true
    skipQueryValidation: true
    criterias: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: rule.dimensions
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: { actionGroupResourceIds: empty(emails) ? [] : [people!.outputs.resourceId] }
  }
}]
