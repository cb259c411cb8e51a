// Mails when the costs of this resource group near or pass an amount. It stops nothing. In the group itself, so that it
// goes away with it; the verified module's would stay behind in the subscription.

@description('Name of the budget.')
param name string

@description('Amount a month, in the currency of the subscription.')
param amount int

@description('First day of the month it counts from, yyyy-mm-01. It cannot be changed later, hence a parameter and no clock.')
param startDate string

@description('Who is told.')
param contactEmails string[]

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      nearly: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: contactEmails
        contactRoles: ['Owner']
      }
      expected: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: contactEmails
        contactRoles: ['Owner']
      }
    }
  }
}
