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

@allowed([30, 60, 90, 120, 180, 270, 365, 550, 730])
@description('Days that logs and traces are kept.')
param logRetentionDays int = 30

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
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
  }
}

module vault 'app/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
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

module app 'app/function.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-${token}'
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
