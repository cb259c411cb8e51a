// The Function App on Flex Consumption and its settings. Flex refuses the settings that other plans need
// (FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION, WEBSITE_*): runtime, scale and package are in functionAppConfig.

param name string
param planName string
param location string
param tags object
param identityResourceId string
param identityClientId string
param hostStorageName string
param dataStorageName string
param packageContainer string
param insightsName string
param instanceMemoryMB int
param maximumInstanceCount int
param segmentsContainer string
param dataContainerPrefix string
param vaultUri string
param refreshSchedule string
param defaultSchedule string
param defaultTimezone string
param landingSettleSeconds int

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: dataStorageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityResourceId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityResourceId
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }
}

// A whole collection: a setting that is not named here is gone after the next deployment.
resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__blobServiceUri: hostStorage.properties.primaryEndpoints.blob
    AzureWebJobsStorage__queueServiceUri: hostStorage.properties.primaryEndpoints.queue
    AzureWebJobsStorage__tableServiceUri: hostStorage.properties.primaryEndpoints.table
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    SegmentStorage__blobServiceUri: dataStorage.properties.primaryEndpoints.blob
    SegmentStorage__queueServiceUri: dataStorage.properties.primaryEndpoints.queue
    SegmentStorage__credential: 'managedidentity'
    SegmentStorage__clientId: identityClientId
    AZURE_CLIENT_ID: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    BLOB_TRIGGER_SOURCE: 'EventGrid'
    REFRESH_SCHEDULE: refreshSchedule
    SEGMENTS_CONTAINER: segmentsContainer
    DATA_CONTAINER_PREFIX: dataContainerPrefix
    KEY_VAULT_URL: vaultUri
    DEFAULT_SCHEDULE: defaultSchedule
    DEFAULT_TIMEZONE: defaultTimezone
    RUN_SLICE_SECONDS: '240'
    LANDING_SETTLE_SECONDS: string(landingSettleSeconds)
    AUTH_MODE: 'key'
  }
}

// Deployments sign in with Entra ID; user names and passwords for FTP and SCM stay off.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
