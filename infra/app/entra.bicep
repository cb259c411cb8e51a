// The app's registration in Microsoft Entra ID with its three roles; made only if people sign in (authMode entra).
// Whoever deploys needs the directory role Application Developer or more for it.
extension microsoftGraphV1 // its version: bicepconfig.json

@description('Name of the Function App; the registration is named for it.')
param functionAppName string

@description('Object id of the app\'s identity, which takes the place of a client secret.')
param identityPrincipalId string

@description('Object id of the person who becomes the first administrator. Empty: nobody.')
param deployerPrincipalId string

var identifierUri = 'api://${tenant().tenantId}/${functionAppName}'
var scopeId = guid(functionAppName, 'user_impersonation')
var azureCliAppId = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
// What shared/api/roles.py knows; its docstrings say what each may do.
var appRoles = [
  { value: 'viewer', description: 'Sees connections, exports, runs and reports.' }
  { value: 'contributor', description: 'Makes and runs exports over the connections that are shared with contributors.' }
  { value: 'administrator', description: 'May do everything, also connect SendGrid accounts and agree to what leaves.' }
]

resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: functionAppName
  displayName: 'Segments to SendGrid (${functionAppName})'
  signInAudience: 'AzureADMyOrg'
  identifierUris: [identifierUri]
  appRoles: [for role in appRoles: {
    id: guid(functionAppName, role.value)
    value: role.value
    displayName: role.value
    description: role.description
    allowedMemberTypes: ['User', 'Application']
    isEnabled: true
  }]
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: scopeId
        value: 'user_impersonation'
        type: 'User'
        adminConsentDisplayName: 'Use the app'
        adminConsentDescription: 'Use the app as the person who has signed in.'
        isEnabled: true
      }
    ]
    // So that the command line gets its token with `az login`.
    preAuthorizedApplications: [{ appId: azureCliAppId, delegatedPermissionIds: [scopeId] }]
  }
  web: {
    redirectUris: ['https://${functionAppName}.azurewebsites.net/.auth/login/aad/callback']
    implicitGrantSettings: { enableIdTokenIssuance: true }
  }
}

resource trust 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${registration.uniqueName}/app-identity'
  audiences: ['api://AzureADTokenExchange']
  issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  subject: identityPrincipalId
}

// Only who has a role is let in at all.
resource enterpriseApplication 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
  appRoleAssignmentRequired: true
}

resource firstAdministrator 'Microsoft.Graph/appRoleAssignedTo@v1.0' = if (!empty(deployerPrincipalId)) {
  appRoleId: guid(functionAppName, 'administrator')
  principalId: deployerPrincipalId
  resourceId: enterpriseApplication.id
}

output clientId string = registration.appId
