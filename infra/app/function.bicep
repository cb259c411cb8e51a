// The Function App on Flex Consumption and its settings. Flex refuses the settings that other plans need
// (FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION, WEBSITE_*): runtime, scale and package are in functionAppConfig.

@description('Name of the Function App, unique in the world.')
param name string

@description('Name of its plan.')
param planName string

@description('Azure region.')
param location string

@description('Tags of the resources.')
param tags object

@description('The user-assigned identity with which the app signs in everywhere.')
param identityResourceId string

@description('Client id of that identity.')
param identityClientId string

@description('Storage account of the Functions host.')
param hostStorageName string

@description('Storage account of the segments and the app\'s own containers.')
param dataStorageName string

@description('Container of the host\'s account that holds the deployed package.')
param packageContainer string

@description('Application Insights component that takes the telemetry.')
param insightsName string

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('Most instances the app may scale to.')
param maximumInstanceCount int

@description('Container in which the segments land.')
param segmentsContainer string

@description('Prefix of the names of the app\'s own containers.')
param dataContainerPrefix string

@description('Address of the Key Vault.')
param vaultUri string

@description('NCRONTAB expression: how often the app looks for exports that are due.')
param refreshSchedule string

@description('Cron expression of the exports that say "default".')
param defaultSchedule string

@description('IANA time zone of that schedule.')
param defaultTimezone string

@description('Seconds that a landing must stay unchanged before it is acted on.')
param landingSettleSeconds int

@description('Who may call the API: holders of a function key, or who has signed in with Entra ID.')
param authMode string

@description('Client id of the app registration; counts only with authMode entra.')
param entraClientId string

@description('Subnet through which the app reaches everything. Empty: no virtual network.')
param subnetResourceId string

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
    virtualNetworkSubnetId: empty(subnetResourceId) ? null : subnetResourceId
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

// App Service authentication signs in with the app's identity instead of a client secret.
var signInSettings = (authMode == 'entra') ? { OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId } : {}

// A whole collection: a setting that is not named here is gone after the next deployment.
resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union({
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
    AUTH_MODE: authMode
    // Bytes. The host reads a body before the app can refuse it, on open routes from anybody, and takes 100 MB if not
    // told. The app takes 1 MiB. An event of Event Grid is as large at most.
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '4194304'
  }, signInSettings)
}

// It says who calls and takes away what others claim to be (X-MS-CLIENT-PRINCIPAL); the app decides what they may do.
// Anonymous calls reach the app, because the health check, the console's page and Event Grid's webhook, which has a key
// of its own, are for who has not signed in. Every other route answers them with 401.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = if (authMode == 'entra') {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: entraClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: { allowedAudiences: [entraClientId, 'api://${tenant().tenantId}/${name}'] }
      }
    }
    login: { tokenStore: { enabled: false } }
  }
  dependsOn: [settings]
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
