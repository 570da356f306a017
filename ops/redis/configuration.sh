#!/bin/sh
# Prints Redis's configuration, for its standard input: passwords must not show in `ps`. One account a service, which may
# do what shared/gate/quota/redis_quota.lua does, to its keys; one that nobody needs a password for, to ask whether
# Redis answers; no account besides. Nothing is kept on disk: old counts are no better than none.
set -eu
# In a container each password is a file of its name.
if [ -n "${PASSWORDS_FOLDER:-}" ]; then
    for file in "$PASSWORDS_FOLDER"/*_PASSWORD; do
        export "$(basename "$file")=$(cat "$file")"
    done
fi
cat <<'END'
save ""
appendonly no
maxmemory-policy noeviction
user default reset
user probe reset on nopass +ping
END
for service in keys auth usage sensors; do
    eval "password=\$$(echo "$service" | tr a-z A-Z)_REDIS_PASSWORD"
    printf 'user %s reset on >%s ~{grillo:quota}:* +select +script|load +evalsha +info +time' "$service" "$password"
    echo ' +get +set +del +pexpire +hget +hmget +hgetall +hset +hdel +hincrby'
done
