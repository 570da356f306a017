#!/bin/sh
# Starts the front's nginx, as its arguments say, once it knows which keys of another system are let in: by the same
# setting as services have (FOREIGN_KEY_FORMS, or its file). They are cut from its log, too.
set -eu
if [ -n "${FOREIGN_KEY_FORMS_FILE:-}" ]; then FOREIGN_KEY_FORMS=$(cat "$FOREIGN_KEY_FORMS_FILE"); fi
for form in $(echo "${FOREIGN_KEY_FORMS:-}" | tr ',' ' '); do
    case "$form" in
        *[!0-9A-Za-z_-]*) echo "FOREIGN_KEY_FORMS must be prefixes of letters and digits that end in _ or -." >&2; exit 1 ;;
    esac
    echo "\"~${form}[0-9A-Za-z_-]{16}\" 1;"
done > /tmp/key-forms.map
exec "$@"
