// Holds the SendGrid API keys. The app may read them, the deployer may write them (roles.bicep).

@description('Name of the vault, unique in the world.')
param name string

@description('Azure region.')
param location string

@description('Tags of the vault.')
param tags object

@description('Log Analytics workspace that is told who read or changed a secret.')
param workspaceResourceId string

@description('Whether the vault is reached through its private endpoint and by the allowed addresses only.')
param closed bool = false

@description('Public addresses or ranges that may come in nevertheless. Counts only if closed.')
param allowedAddresses string[] = []

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: (closed && empty(allowedAddresses)) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: closed ? 'Deny' : 'Allow'
      ipRules: [for address in allowedAddresses: { value: address }]
    }
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceResourceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
output resourceId string = vault.id
