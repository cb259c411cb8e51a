// A page in Application Insights: runs, contacts, durations, rejects, waits. Its queries are in queries/workbook.

@description('Azure region.')
param location string

@description('Tags of the workbook.')
param tags object

@description('Application Insights component it belongs to.')
param insightsResourceId string

var pages = [
  { name: 'runs', title: 'Runs, the newest first', visualization: 'table', query: loadTextContent('../queries/workbook/runs.kql') }
  { name: 'states', title: 'How runs ended', visualization: 'barchart', query: loadTextContent('../queries/workbook/states.kql') }
  { name: 'contacts', title: 'What became of rows and leavers', visualization: 'barchart', query: loadTextContent('../queries/workbook/contacts.kql') }
  { name: 'durations', title: 'Minutes that runs took', visualization: 'linechart', query: loadTextContent('../queries/workbook/durations.kql') }
  { name: 'rejects', title: 'Percent of rows rejected', visualization: 'linechart', query: loadTextContent('../queries/workbook/rejects.kql') }
  { name: 'waits', title: 'Minutes waited for SendGrid', visualization: 'barchart', query: loadTextContent('../queries/workbook/waits.kql') }
  { name: 'troubles', title: 'Warnings and errors', visualization: 'table', query: loadTextContent('../queries/workbook/troubles.kql') }
]
var timeRange = {
  type: 9
  name: 'time'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid('time')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time'
        type: 4
        isRequired: true
        value: { durationMs: 604800000 }
        typeSettings: {
          selectableValues: [{ durationMs: 86400000 }, { durationMs: 604800000 }, { durationMs: 2592000000 }]
          allowCustom: true
        }
      }
    ]
  }
}
var charts = [for page in pages: {
  type: 3
  name: page.name
  content: {
    version: 'KqlItem/1.0'
    title: page.title
    query: page.query
    visualization: page.visualization
    size: 0
    timeContextFromParameter: 'TimeRange'
    queryType: 0
    resourceType: 'microsoft.insights/components'
    noDataMessage: 'Nothing in this time.'
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insightsResourceId, 'runs')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Segments to SendGrid'
    category: 'workbook'
    sourceId: insightsResourceId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([timeRange], charts)
      fallbackResourceIds: [insightsResourceId]
    })
  }
}
