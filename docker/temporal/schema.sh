#!/bin/sh
# Brings Temporal's two databases to the schema of this version: sets up an empty one, upgrades an older one.
# Runs at every start, on SQL_* of the environment.
set -eu

bring_up() {
  SQL_DATABASE=$1 temporal-sql-tool setup-schema --version 0.0
  SQL_DATABASE=$1 temporal-sql-tool update-schema \
    --schema-dir "${SCHEMA_DIR:-/etc/temporal/schema}/postgresql/v12/$2/versioned"
}

bring_up temporal temporal
bring_up temporal_visibility visibility
