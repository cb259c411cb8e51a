// Everything one deployment needs, in a resource group of its own. `azd up` runs this, deploys the code, then
// hooks/postdeploy subscribes the function to the storage account's events (which needs the deployed code).
// Plain resources where a setting matters for security or money, so that all of it can be read and tested here;
// Azure Verified Modules for the rest.
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the azd environment; part of every unique name.')
param environmentName string

@minLength(1)
@description('Azure region of all resources. It must offer Flex Consumption: az functionapp list-flexconsumption-locations.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Object id of the person who deploys, who may then store the SendGrid key and the first documents. Empty: nobody gets such rights.')
param principalId string = ''

@allowed([512, 2048, 4096])
@description('Memory of one function instance in MB. 2048 holds a segment of a million profiles with room to spare.')
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
@description('Most instances a function may scale to: a ceiling for cost. One run uses one instance at a time.')
param maximumInstanceCount int = 40

@minLength(3)
@description('Container in which the segments land.')
param segmentsContainer string = 'segments'

@description('Prefix of the names of the containers config, runs and state.')
param dataContainerPrefix string = ''

@description('NCRONTAB expression, UTC: how often the app looks for exports that are due.')
param refreshSchedule string = '0 */5 * * * *'

@description('Cron expression (five fields) of the exports that say "default".')
param defaultSchedule string = '0 5 * * *'

@description('IANA time zone of defaultSchedule.')
param defaultTimezone string = 'UTC'

@minValue(0)
@description('Seconds that a landing must stay unchanged before it is acted on.')
param landingSettleSeconds int = 60

@description('Let whoever delivers the segments sign in with the account key of the segments account. Only for tools that offer nothing else.')
param allowSegmentAccountKey bool = false

@minValue(0)
@maxValue(365)
@description('Days that deleted blobs of the segments account can be brought back. 0, soft delete off, is what Customer Insights needs to export to it.')
param segmentAccountSoftDeleteDays int = 0

@minValue(1)
@description('Days after which a run is deleted with its record, report and what may be left of its plan.')
param runRetentionDays int = 90

@allowed([30, 60, 90, 120, 180, 270, 365, 550, 730])
@description('Days that logs and traces are kept.')
param logRetentionDays int = 30

@allowed(['key', 'entra'])
@description('Who may call the API: holders of a function key, as administrators; or who has signed in with Microsoft Entra ID, by app role.')
param authMode string = 'key'

@description('Client id of an app registration made by somebody else. Empty: made here, which takes the directory role Application Developer.')
param entraClientId string = ''

@description('Addresses that alerts and the budget are mailed to, with commas in between. Empty: alerts show in the portal only.')
param alertEmails string = ''

@minValue(0)
@maxValue(48)
@description('Alert when no run has ended for so many hours; the default schedule runs once a day. 0: never.')
param alertHoursWithoutRun int = 26

@minValue(0)
@maxValue(100)
@description('Alert when more than this percent of a run\'s rows are rejected.')
param alertRejectsPercent int = 5

@minValue(0)
@description('Budget a month in the currency of the subscription; 80 percent spent or all of it to be expected is mailed. 0: none.')
param budgetAmount int = 0

@description('First day of the month in which the budget begins, yyyy-mm-01. Never changed afterwards.')
param budgetStart string = ''

@description('Put the app into a virtual network, and storage and vault behind private endpoints.')
param privateNetwork bool = false

@description('Address range of that network, at least a /24.')
param networkPrefix string = '10.40.0.0/24'

@description('Public addresses or ranges, with commas in between, that may reach the segments account and the vault though the network is private: whoever delivers the segments, whoever deploys.')
param allowedAddresses string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var people = empty(alertEmails) ? [] : split(alertEmails, ',')
var allowed = empty(allowedAddresses) ? [] : split(allowedAddresses, ',')
var registers = (authMode == 'entra') && empty(entraClientId)
var appName = 'func-${token}'
var packageContainer = 'app-package'
var ownContainers = [
  '${dataContainerPrefix}config'
  '${dataContainerPrefix}runs'
  '${dataContainerPrefix}state'
]
// The Functions host moves a message that failed five times to the second; made here so that alerts can watch it.
var runQueues = ['export-runs', 'export-runs-poison']
// Where the Functions host puts events whose function failed five times: always on the account the events are about.
var blobPoisonQueue = 'webjobs-blobtrigger-poison'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'br/public:avm/res/managed-identity/user-assigned-identity:0.4.1' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module workspace 'br/public:avm/res/operational-insights/workspace:0.11.1' = {
  name: 'workspace'
  scope: group
  params: {
    name: 'log-${token}'
    location: location
    tags: tags
    dataRetention: logRetentionDays
  }
}

module insights 'br/public:avm/res/insights/component:0.6.0' = {
  name: 'insights'
  scope: group
  params: {
    name: 'appi-${token}'
    location: location
    tags: tags
    workspaceResourceId: workspace.outputs.resourceId
    disableLocalAuth: true
  }
}

// The Functions host's own account: leases, keys, the deployed package, the queue of runs. No customer data.
module hostStorage 'app/storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: 'sthost${token}'
    location: location
    tags: tags
    containers: [packageContainer]
    queues: runQueues
    closed: privateNetwork
  }
}

// Apart from the host's, because it holds the profiles: its own access rules, its own keys, its own events.
module dataStorage 'app/storage.bicep' = {
  name: 'data-storage'
  scope: group
  params: {
    name: 'stdata${token}'
    location: location
    tags: tags
    containers: concat([segmentsContainer], ownContainers)
    queues: [blobPoisonQueue]
    allowSharedKeyAccess: allowSegmentAccountKey
    softDeleteDays: segmentAccountSoftDeleteDays
    expiries: [{ container: '${dataContainerPrefix}runs', days: runRetentionDays }]
    closed: privateNetwork
    allowedAddresses: allowed
  }
}

module vault 'app/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    workspaceResourceId: workspace.outputs.resourceId
    closed: privateNetwork
    allowedAddresses: allowed
  }
}

module network 'app/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    addressPrefix: networkPrefix
    hostStorageResourceId: hostStorage.outputs.resourceId
    dataStorageResourceId: dataStorage.outputs.resourceId
    vaultResourceId: vault.outputs.resourceId
  }
}

module roles 'app/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    appPrincipalId: identity.outputs.principalId
    deployerPrincipalId: principalId
    hostStorageName: hostStorage.outputs.name
    dataStorageName: dataStorage.outputs.name
    segmentsContainer: segmentsContainer
    ownContainers: ownContainers
    blobPoisonQueue: blobPoisonQueue
    vaultName: vault.outputs.name
    insightsName: insights.outputs.name
  }
}

module entra 'app/entra.bicep' = if (registers) {
  name: 'entra'
  scope: group
  params: {
    functionAppName: appName
    identityPrincipalId: identity.outputs.principalId
    deployerPrincipalId: principalId
  }
}

module app 'app/function.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: appName
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityResourceId: identity.outputs.resourceId
    identityClientId: identity.outputs.clientId
    hostStorageName: hostStorage.outputs.name
    dataStorageName: dataStorage.outputs.name
    packageContainer: packageContainer
    insightsName: insights.outputs.name
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    segmentsContainer: segmentsContainer
    dataContainerPrefix: dataContainerPrefix
    vaultUri: vault.outputs.uri
    refreshSchedule: refreshSchedule
    defaultSchedule: defaultSchedule
    defaultTimezone: defaultTimezone
    landingSettleSeconds: landingSettleSeconds
    authMode: authMode
    entraClientId: registers ? entra!.outputs.clientId : entraClientId
    subnetResourceId: privateNetwork ? network!.outputs.appSubnetResourceId : ''
  }
  // The host reads its storage as soon as it exists; without its roles it would fail until the next restart.
  dependsOn: [roles]
}

module topic 'br/public:avm/res/event-grid/system-topic:0.6.1' = {
  name: 'topic'
  scope: group
  params: {
    name: 'evgt-${token}'
    location: location
    tags: tags
    source: dataStorage.outputs.resourceId
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

module alerts 'app/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    insightsResourceId: insights.outputs.resourceId
    emails: people
    hoursWithoutRun: alertHoursWithoutRun
    rejectsPercent: alertRejectsPercent
  }
}

module workbook 'app/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    insightsResourceId: insights.outputs.resourceId
  }
}

module budget 'app/budget.bicep' = if (budgetAmount > 0) {
  name: 'budget'
  scope: group
  params: {
    name: 'budget-${token}'
    amount: budgetAmount
    startDate: budgetStart
    contactEmails: people
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = app.outputs.name
output FUNCTION_APP_URL string = app.outputs.url
output DATA_STORAGE_NAME string = dataStorage.outputs.name
output HOST_STORAGE_NAME string = hostStorage.outputs.name
output SEGMENTS_CONTAINER string = segmentsContainer
output CONFIG_CONTAINER string = '${dataContainerPrefix}config'
output KEY_VAULT_NAME string = vault.outputs.name
output APPLICATION_INSIGHTS_NAME string = insights.outputs.name
output EVENT_GRID_TOPIC_NAME string = topic.outputs.name
output OUTBOUND_ADDRESS string = privateNetwork ? network!.outputs.outboundAddress : ''
