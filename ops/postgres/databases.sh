#!/bin/sh
# One database and one role a service; no role may see another's database. Run once, by PostgreSQL's first start.
set -eu
for service in keys auth usage sensors; do
    variable="$(echo "$service" | tr a-z A-Z)_DATABASE_PASSWORD"
    # The password is read from the environment by psql itself: an argument would show in `ps`.
    psql --set ON_ERROR_STOP=1 --username postgres --set role="$service" <<SQL
\\getenv password $variable
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role";
REVOKE CONNECT ON DATABASE :"role" FROM PUBLIC;
SQL
done
