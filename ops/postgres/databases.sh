#!/bin/sh
# One database and two roles a service: SERVICE_owner owns the tables and migrates them, SERVICE runs on them with the
# rights of shared/sql/rights.py. No role may see another service's database. PostgreSQL's first start runs this; run
# again, it sets the passwords anew and takes the tables of an older installation from the role that runs.
set -eu
# In a container each password is a file of its name.
if [ -n "${PASSWORDS_FOLDER:-}" ]; then
    for file in "$PASSWORDS_FOLDER"/*_PASSWORD; do
        export "$(basename "$file")=$(cat "$file")"
    done
fi
for service in ${DATABASES:-keys auth usage sensors}; do
    variable="$(echo "$service" | tr a-z A-Z)"
    # Passwords are read from the environment by psql itself: an argument would show in `ps`.
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
        --set run="$service" --set owner="${service}_owner" <<SQL
\\getenv run_password ${variable}_DATABASE_PASSWORD
\\getenv owner_password ${variable}_OWNER_PASSWORD
SELECT format('CREATE ROLE %I', role) FROM unnest(ARRAY[:'run', :'owner']) AS role
    WHERE to_regrole(quote_ident(role)) IS NULL \\gexec
ALTER ROLE :"run" LOGIN PASSWORD :'run_password';
ALTER ROLE :"owner" LOGIN PASSWORD :'owner_password';
SELECT format('CREATE DATABASE %I OWNER %I', :'run', :'owner')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'run') \\gexec
\\connect :run
SELECT EXISTS (SELECT FROM pg_class WHERE relowner = quote_ident(:'run')::regrole) AS owned_by_run \\gset
BEGIN;
\\if :owned_by_run
REASSIGN OWNED BY :"run" TO :"owner";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"run"; -- until the owner migrates
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :"run";
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO :"run";
\\endif
ALTER DATABASE :"run" OWNER TO :"owner";
REVOKE ALL ON DATABASE :"run" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"run" TO :"run";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"run";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" REVOKE ALL ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"run";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE ON SEQUENCES TO :"run";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO :"run";
COMMIT;
SQL
done
