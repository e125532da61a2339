#!/bin/sh
# Makes the namespace and the search attributes that Sluice's workflows carry; what is there already stays,
# and a search attribute of another type is an error. Runs at every start, on TEMPORAL_* of the environment.
set -eu

attempts=0
patiently() {
  until "$@"; do
    attempts=$((attempts + 1))
    [ "$attempts" -lt 60 ] || exit 1
    sleep 1
  done
}

patiently temporal operator cluster health

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE"; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$NAMESPACE_RETENTION"
fi

# The frontend reads the list of namespaces from time to time; until then a new one is unknown.
patiently temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"

temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$NAMESPACE_RETENTION"
temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
  --name SluiceProject --type Keyword \
  --name SluiceSource --type KeywordList \
  --name SluiceDestination --type Keyword
