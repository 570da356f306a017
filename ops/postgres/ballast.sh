#!/bin/sh
# Room on PostgreSQL's disk for when it is full: a file to delete by hand, so that it starts and commits again
# (docs/operations.md, GrilloDiskFilling). PostgreSQL's first start makes it; run again, it makes a missing one.
set -eu
ballast="$PGDATA/ballast"
if [ ! -e "$ballast" ]; then
    # Not zeros: some file systems store none.
    head -c "$((${BALLAST_MIB:-256} * 1048576))" /dev/urandom > "$ballast.new" || { rm -f "$ballast.new"; exit 1; }
    chmod 600 "$ballast.new"
    mv "$ballast.new" "$ballast"
fi
