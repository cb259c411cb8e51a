# Subscribes the deployed function to the arrivals in the segments container. azd runs it after every deployment, with
# the outputs of main.bicep as environment; it changes nothing if everything is already as it should be.
# By hand: azd hooks run postdeploy
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false

$pause = if ($env:POSTDEPLOY_PAUSE_SECONDS) { [int]$env:POSTDEPLOY_PAUSE_SECONDS } else { 10 }

function Stop-Hook([string]$Reason) {
    [Console]::Error.WriteLine("postdeploy: $Reason")
    exit 1
}

foreach ($name in 'AZURE_SUBSCRIPTION_ID', 'AZURE_RESOURCE_GROUP', 'FUNCTION_APP_NAME', 'EVENT_GRID_TOPIC_NAME', 'SEGMENTS_CONTAINER') {
    if (-not [Environment]::GetEnvironmentVariable($name)) {
        Stop-Hook "$name is not set; run this through azd: azd hooks run postdeploy"
    }
}
if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    Stop-Hook 'the Azure CLI (az) is needed: https://aka.ms/install-azure-cli'
}

# Whether there is one; the key itself never leaves Azure.
function Test-Key {
    $answer = az functionapp keys list --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
        --name $env:FUNCTION_APP_NAME --query 'systemKeys.blobs_extension != null' --output json
    return $answer -eq 'true'
}

function Register-Subscription {
    az deployment group create --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
        --name segment-landed --template-file (Join-Path $PSScriptRoot '../app/subscription.bicep') --output none --parameters `
        "functionAppName=$env:FUNCTION_APP_NAME" "topicName=$env:EVENT_GRID_TOPIC_NAME" "segmentsContainer=$env:SEGMENTS_CONTAINER" |
        Out-Host
    return $LASTEXITCODE -eq 0
}

# Wait-Until TIMES COMMAND: again after a pause, until it succeeds
function Wait-Until([int]$Times, [scriptblock]$Command) {
    for ($left = $Times; $left -gt 0; $left--) {
        if (& $Command) { return $true }
        if ($left -gt 1) { Start-Sleep -Seconds $pause }
    }
    return $false
}

# The host makes the key when it first starts with the blob trigger, and right after the first deployment the roles it
# needs for that may still be spreading: up to ten minutes.
Write-Host "postdeploy: waiting for the blob trigger of $env:FUNCTION_APP_NAME"
if (-not (Wait-Until 60 { Test-Key })) {
    Stop-Hook ("the host has no blobs_extension key: is the function listed by`n" +
        "  az functionapp function list -g $env:AZURE_RESOURCE_GROUP -n $env:FUNCTION_APP_NAME --query '[].name'")
}

# Event Grid calls the function before it accepts the subscription; one that is just starting may answer too late.
Write-Host "postdeploy: subscribing to the arrivals in $env:SEGMENTS_CONTAINER"
if (-not (Wait-Until 5 { Register-Subscription })) {
    Stop-Hook 'Event Grid did not accept the subscription (see above); once the cause is gone: azd hooks run postdeploy'
}
Write-Host 'postdeploy: done'
