// One storage account with its containers and queues, closed to anonymous readers and, unless told otherwise, to keys.

@description('Name of the account, unique in the world.')
param name string

@description('Azure region.')
param location string

@description('Tags of the account.')
param tags object

@description('Blob containers to make.')
param containers string[]

@description('Queues to make.')
param queues string[]

@description('Whether the account key may be used. Identities are always welcome.')
param allowSharedKeyAccess bool = false

@description('Days that deleted blobs and containers can be brought back. 0 turns soft delete off: Customer Insights cannot export to an account that has it, and a profile that is deleted must be gone.')
param softDeleteDays int = 0

@description('Containers whose blobs are deleted so many days after they were last written: { container, days }.')
param expiries object[] = []

@description('Whether the account is reached through private endpoints and by the allowed addresses only.')
param closed bool = false

@description('Public addresses or ranges (203.0.113.0/24) that may come in nevertheless. Counts only if closed.')
param allowedAddresses string[] = []

var softDelete = (softDeleteDays > 0) ? { enabled: true, days: softDeleteDays } : { enabled: false }

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: allowSharedKeyAccess
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: (closed && empty(allowedAddresses)) ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Event Grid is such a service: without this it could not be told of what arrives.
      bypass: 'AzureServices'
      defaultAction: closed ? 'Deny' : 'Allow'
      ipRules: [for address in allowedAddresses: { value: address, action: 'Allow' }]
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: softDelete
    containerDeleteRetentionPolicy: softDelete
    isVersioningEnabled: false
  }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [for container in containers: {
  parent: blobs
  name: container
  properties: { publicAccess: 'None' }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource storageQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for queue in queues: {
  parent: queueService
  name: queue
}]

// A rule knows blobs by the beginning of their names only, and these begin with container, export and run: report.csv
// and plan/ cannot be told from run.json. So a run goes as a whole. (Index tags could tell them apart, but to set them
// takes Storage Blob Data Owner, far more than the app needs otherwise.)
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = if (!empty(expiries)) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [for expiry in expiries: {
        name: 'expire-${expiry.container}'
        type: 'Lifecycle'
        enabled: true
        definition: {
          filters: {
            blobTypes: ['blockBlob']
            prefixMatch: ['${expiry.container}/']
          }
          actions: {
            baseBlob: { delete: { daysAfterModificationGreaterThan: expiry.days } }
          }
        }
      }]
    }
  }
  dependsOn: [blobContainers]
}

output name string = account.name
output resourceId string = account.id
