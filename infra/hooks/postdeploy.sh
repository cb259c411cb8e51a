#!/bin/sh
# Subscribes the deployed function to the arrivals in the segments container. azd runs it after every deployment, with
# the outputs of main.bicep as environment; it changes nothing if everything is already as it should be.
# By hand: azd hooks run postdeploy
set -eu

pause=${POSTDEPLOY_PAUSE_SECONDS:-10}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
  echo "postdeploy: $1" >&2
  exit 1
}

for name in AZURE_SUBSCRIPTION_ID AZURE_RESOURCE_GROUP FUNCTION_APP_NAME EVENT_GRID_TOPIC_NAME SEGMENTS_CONTAINER; do
  eval "value=\${$name:-}"
  [ -n "$value" ] || fail "$name is not set; run this through azd: azd hooks run postdeploy"
done
command -v az >/dev/null || fail "the Azure CLI (az) is needed: https://aka.ms/install-azure-cli"

# Whether there is one; the key itself never leaves Azure.
has_key() {
  answer=$(az functionapp keys list --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
    --name "$FUNCTION_APP_NAME" --query "systemKeys.blobs_extension != null" --output json)
  [ "$answer" = true ]
}

subscribe() {
  az deployment group create --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
    --name segment-landed --template-file "$here/../app/subscription.bicep" --output none --parameters \
    functionAppName="$FUNCTION_APP_NAME" topicName="$EVENT_GRID_TOPIC_NAME" segmentsContainer="$SEGMENTS_CONTAINER"
}

# try TIMES COMMAND: again after a pause, until it succeeds
try() {
  left=$1
  until "$2"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep "$pause"
  done
}

# The host makes the key when it first starts with the blob trigger, and right after the first deployment the roles it
# needs for that may still be spreading: up to ten minutes.
echo "postdeploy: waiting for the blob trigger of $FUNCTION_APP_NAME"
try 60 has_key || fail "the host has no blobs_extension key: is the function listed by
  az functionapp function list -g $AZURE_RESOURCE_GROUP -n $FUNCTION_APP_NAME --query '[].name'"

# Event Grid calls the function before it accepts the subscription; one that is just starting may answer too late.
echo "postdeploy: subscribing to the arrivals in $SEGMENTS_CONTAINER"
try 5 subscribe || fail "Event Grid did not accept the subscription (see above); once the cause is gone: azd hooks run postdeploy"
echo "postdeploy: done"
