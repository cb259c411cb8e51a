// Optional: the app in a virtual network, storage and vault behind private endpoints, one address of its own towards
// SendGrid. The app's own address stays public: Event Grid cannot deliver to a private one.

@description('Ending of the resources\' names.')
param token string

@description('Azure region.')
param location string

@description('Tags of the resources.')
param tags object

@description('Address range of the network, at least a /24. Choose another one if it is to be peered.')
param addressPrefix string

@description('Storage account of the Functions host.')
param hostStorageResourceId string

@description('Storage account of the segments and the app\'s own containers.')
param dataStorageResourceId string

@description('Key Vault of the SendGrid keys.')
param vaultResourceId string

var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  vault: 'privatelink.vaultcore.azure.net'
}
// Every service that the app calls: the host's queue and table among them, and the queue of failed blob events.
var services = [
  { name: 'host-blob', resourceId: hostStorageResourceId, kind: 'blob' }
  { name: 'host-queue', resourceId: hostStorageResourceId, kind: 'queue' }
  { name: 'host-table', resourceId: hostStorageResourceId, kind: 'table' }
  { name: 'data-blob', resourceId: dataStorageResourceId, kind: 'blob' }
  { name: 'data-queue', resourceId: dataStorageResourceId, kind: 'queue' }
  { name: 'vault', resourceId: vaultResourceId, kind: 'vault' }
]

// An address that does not change, for SendGrid's list of allowed addresses. It also makes up for the outbound access
// that new networks no longer have by default.
resource address 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: 'pip-${token}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource gateway 'Microsoft.Network/natGateways@2024-05-01' = {
  name: 'ng-${token}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }] }
}

module network 'br/public:avm/res/network/virtual-network:0.7.1' = {
  name: 'virtual-network'
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    addressPrefixes: [addressPrefix]
    subnets: [
      {
        name: 'app'
        addressPrefix: cidrSubnet(addressPrefix, 26, 0)
        delegation: 'Microsoft.App/environments' // what Flex Consumption runs on; other plans: Microsoft.Web/serverFarms
        natGatewayResourceId: gateway.id
      }
      {
        name: 'endpoints'
        addressPrefix: cidrSubnet(addressPrefix, 26, 1)
        privateEndpointNetworkPolicies: 'Disabled'
      }
    ]
  }
}

module dnsZones 'br/public:avm/res/network/private-dns-zone:0.7.1' = [for zone in items(zones): {
  name: 'dns-${zone.key}'
  params: {
    name: zone.value
    location: 'global'
    tags: tags
    virtualNetworkLinks: [{ virtualNetworkResourceId: network.outputs.resourceId }]
  }
}]

module privateEndpoints 'br/public:avm/res/network/private-endpoint:0.11.1' = [for service in services: {
  name: 'endpoint-${service.name}'
  params: {
    name: 'pep-${service.name}-${token}'
    location: location
    tags: tags
    subnetResourceId: network.outputs.subnetResourceIds[1]
    privateLinkServiceConnections: [
      {
        name: service.name
        properties: {
          privateLinkServiceId: service.resourceId
          groupIds: [service.kind]
        }
      }
    ]
    privateDnsZoneGroup: {
      privateDnsZoneGroupConfigs: [
        { privateDnsZoneResourceId: resourceId('Microsoft.Network/privateDnsZones', zones[service.kind]) }
      ]
    }
  }
  dependsOn: [dnsZones]
}]

output appSubnetResourceId string = network.outputs.subnetResourceIds[0]
output outboundAddress string = address.properties.ipAddress
