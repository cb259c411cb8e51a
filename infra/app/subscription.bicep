// Sends "a blob was created in the segments container" to the function. Deployed by hooks/postdeploy after the code:
// Event Grid checks the webhook at once, and its key exists only when the host has started with the blob trigger.

@description('The deployed Function App.')
param functionAppName string

@description('Event Grid system topic of the data account.')
param topicName string

@description('Container in which the segments land.')
param segmentsContainer string

@description('Name of the blob-triggered function in function_app.py.')
param functionName string = 'segment_landed'

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' existing = {
  name: topicName
}

var landingNames = [
  '/_SUCCESS'
  '.csv'
  '.csv.gz'
  '.parquet'
  '.ndjson'
  '.ndjson.gz'
  '.jsonl'
  '.jsonl.gz'
  '.json'
  '.json.gz'
]

// Read here and not passed in: the key is then on no command line and no parameter of a deployment.
var key = listKeys('${app.id}/host/default', '2023-12-01').systemKeys.blobs_extension

resource landed 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: topic
  name: 'segment-landed'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${functionName}&code=${key}'
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      // With the last slash, or a container named segments-old would match too.
      subjectBeginsWith: '/blobServices/default/containers/${segmentsContainer}/'
      // What shows that a segment has landed (model.json, _SUCCESS) and the files that rows are read from; all else
      // would only wake the app up. Case does not matter here.
      advancedFilters: [
        { key: 'subject', operatorType: 'StringEndsWith', values: landingNames }
        // Spark writes every file here first.
        { key: 'subject', operatorType: 'StringNotContains', values: ['/_temporary/'] }
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
}
