"""Spanish of what is wrong with a request, by its English text. In both, `…` stands for what is told as it is."""

from collections.abc import Mapping

SPANISH_FAULTS: Mapping[str, str] = {
    # marshmallow's own
    "Missing data for required field.": "es necesario",
    "Field may not be null.": "no puede ser null",
    "Unknown field.": "no existe",
    "Invalid value.": "no es válido",
    "Invalid type.": "no es del tipo correcto",
    "Invalid input type.": "debe ser un objeto",
    "Not a valid string.": "debe ser un texto",
    "Not a valid utf-8 string.": "debe ser un texto en UTF-8",
    "Not a valid integer.": "debe ser un número entero",
    "Not a valid number.": "debe ser un número",
    "Number too large.": "es un número demasiado grande",
    "Not a valid boolean.": "debe ser true o false",
    "Not a valid list.": "debe ser una lista",
    "Not a valid mapping type.": "debe ser un objeto",
    "String does not match expected pattern.": "no tiene la forma esperada",
    "Must be one of: ….": "debe ser uno de: …",
    "Must be greater than or equal to … and less than or equal to ….": "debe estar entre … y …",
    "Must be greater than or equal to ….": "debe ser al menos …",
    "Must be less than or equal to ….": "debe ser como máximo …",
    "Length must be between … and ….": "debe tener una longitud de entre … y …",
    "Shorter than minimum length ….": "debe tener una longitud de al menos …",
    "Longer than maximum length ….": "debe tener una longitud de como máximo …",
    # texts
    "must not be blank": "no debe estar vacío",
    "must not contain an API key": "no debe contener una clave API",
    "must not contain control characters": "no debe contener caracteres de control",
    "must not contain control, invisible or text direction characters": (
        "no debe contener caracteres de control, invisibles o de dirección del texto"
    ),
    "must contain visible ASCII characters only, and no API key": (
        "solo debe contener caracteres ASCII visibles, y ninguna clave API"
    ),
    "must start with / and have at most … printable ASCII characters": (
        "debe empezar por / y tener como máximo … caracteres ASCII imprimibles"
    ),
    "must be a label as name:value, such as env:prod": "debe ser una etiqueta nombre:valor, como env:prod",
    "must be a label's name and value, such as env:prod": "debe ser una etiqueta nombre:valor, como env:prod",
    "a key has at most … labels": "una clave tiene como máximo … etiquetas",
    "is not of the form that it must have": "no tiene la forma esperada",
    # times
    "must be an RFC 3339 time with a UTC offset, such as …": (
        "debe ser una fecha y hora RFC 3339 con su diferencia con UTC, como 2026-11-23T10:17:00+02:00 "
        "(en una URL, + se escribe %2B)"
    ),
    "must be a text, such as …": "debe ser un texto, como …",
    "must be between the years 1901 and 2199": "debe estar entre los años 1901 y 2199",
    "must not be in the future": "no debe estar en el futuro",
    "and … more members are wrong": "y … miembros más son incorrectos",
    "send at most … KiB": "envíe como máximo … KiB",
    "must be in the future, at most ten years ahead": "debe estar en el futuro, dentro de diez años como máximo",
    "must be later than start": "debe ser posterior a start",
    "must not be before start": "no debe ser anterior a start",
    "must not be later than to (or than now, if to is left out)": "no debe ser posterior a to (sin to: ahora)",
    "is too long ago": "es demasiado antiguo",
    # numbers and choices
    "must be a whole number": "debe ser un número entero",
    "must be one of …": "debe ser uno de …",
    "must be a status such as 429, or a class such as 4xx": "debe ser un estado, como 429, o una clase, como 4xx",
    "must not be less than min_magnitude": "no debe ser menor que min_magnitude",
    "must be in ascending order, without repetition": "debe estar en orden ascendente, sin repetición",
    "must not exceed the tier's limit of …": "no debe superar el límite del plan, …",
    "must not exceed lifetime_max_days, which is …": "no debe superar lifetime_max_days, que es …",
    "the organisation's keys live at most … days: this one may expire at … at the latest": (
        "las claves de la organización viven como máximo … días: esta puede caducar el … a más tardar"
    ),
    "no such status: …; choose from …": "ese estado no existe: …; elija entre …",
    # ways that exclude each other
    "give as_of or revision, not both": "dé as_of o revision, no ambos",
    "give page or cursor, not both": "dé page o cursor, no ambos",
    "give lat, lon and radius together": "indique lat, lon y radius juntos",
    "give expires_at or expires_in, not both": "dé expires_at o expires_in, no ambos",
    "give key_ids or label, not both": "dé key_ids o label, no ambos",
    "give exactly one of label, created_before and ids": "dé exactamente uno de label, created_before e ids",
    "the secret that is replaced gets no grace: leave grace_seconds out": (
        "el secreto sustituido no tiene plazo: no dé grace_seconds"
    ),
    "the secret that is replaced signs no more: leave overlap_seconds out": (
        "el secreto sustituido ya no firma: no dé overlap_seconds"
    ),
    "this Idempotency-Key came with another body before": "esta Idempotency-Key ya vino con otro cuerpo",
    # what it names
    "cannot be changed": "no se puede cambiar",
    "no such key": "esa clave no existe",
    "there is no … with this id": "ningún objeto (…) tiene este identificador",
    "not an IP address or network: …": "no es una dirección IP ni una red: …",
    "must not name a network interface (the part after %)": "no debe nombrar una interfaz de red (lo que sigue a %)",
    "must be four numbers in degrees: west,south,east,north": (
        "debe ser cuatro números en grados: west,south,east,north"
    ),
    "must have longitudes from -180 to 180, latitudes from -90 to 90, and south below north": (
        "debe tener longitudes de -180 a 180, latitudes de -90 a 90, y south por debajo de north"
    ),
    # networks
    "must be the network's name, letter by letter": "debe ser el nombre de la red, letra por letra",
    "must not be above trigger_on": "no debe estar por encima de trigger_on",
    "… sensors belong to this network: move or delete them first": (
        "… sensores pertenecen a esta red: muévalos o elimínelos primero"
    ),
    "the organisation has … networks, the most it may have: delete one first": (
        "la organización tiene … redes, el máximo posible: elimine una primero"
    ),
    "… takes no new sensors: name another network, or let this one accept new ones": (
        "… no admite sensores nuevos: indique otra red, o deje que esta los acepte"
    ),
    "no such network: …": "esa red no existe: …",
    "an admin key opens all networks: leave them out, or the permission admin": (
        "una clave de administración abre todas las redes: no las dé, o quite el permiso admin"
    ),
    "which networks there are cannot be asked right now; nothing was changed": (
        "ahora no se puede preguntar qué redes hay; no se cambió nada"
    ),
    "all networks": "todas las redes",
    "the networks …": "las redes …",
    "not an id": "no es un identificador",
    # channels
    "is required for a channel of this kind": "es necesario para un canal de este tipo",
    "does not apply to a channel of this kind": "no se aplica a un canal de este tipo",
    "must be of the form https://HOST/PATH": "debe tener la forma https://ANFITRIÓN/RUTA",
    "must begin with https://": "debe empezar por https://",
    "is not on the public internet": "no está en la internet pública",
    "must not contain a user name, password or fragment: verify the signature of each message instead": (
        "no debe contener usuario, contraseña ni fragmento: verifique la firma de cada mensaje"
    ),
    "must be one email address, such as ops@example.org": (
        "debe ser una dirección de correo electrónico, como ops@example.org"
    ),
    "this installation cannot send email: no SMTP server is configured": (
        "esta instalación no puede enviar correo: no hay ningún servidor SMTP configurado"
    ),
    # headers, queries and bodies as a whole
    "unknown query parameters: …": "parámetros desconocidos: …",
    "is given more than once": "se da más de una vez",
    "the body did not arrive completely": "el cuerpo no llegó entero",
    "the body is nested too deeply": "el cuerpo está anidado demasiado profundamente",
    "the body is not JSON: …": "el cuerpo no es JSON: …",
    "the body is not UTF-8 text": "el cuerpo no es un texto en UTF-8",
    "send next_cursor of the previous page, unchanged": "envíe next_cursor de la página anterior, tal cual",
    "comes from a list with another …; …": "viene de una lista en la que es distinto: …; …",
    "a CSV file has no pages, so leave it out": "un archivo CSV no tiene páginas: no lo dé",
    "must be * or tags as in ETag, such as …": "debe ser * o etiquetas como en ETag, por ejemplo …",
    "must be 1 to 255 printable ASCII characters without spaces, and no API key": (
        "debe tener de 1 a 255 caracteres ASCII imprimibles sin espacios, y ninguna clave API"
    ),
    "says which revision a change is based on; this changes nothing": (
        "dice en qué revisión se basa un cambio; aquí no se cambia nada"
    ),
    "nothing that has a revision is changed here": "aquí no se cambia nada que tenga revisión",
    "asks whether what GET shows is new; this is no GET": "pregunta si lo que muestra GET es nuevo; esto no es un GET",
    "only proxies that TRUSTED_PROXIES lists may ask about forwarded requests": (
        "solo los proxies de TRUSTED_PROXIES pueden preguntar por peticiones reenviadas"
    ),
    "send the key in the Authorization header: this service takes none in the URL's query": (
        "envíe la clave en la cabecera Authorization: este servicio no acepta ninguna en la URL"
    ),
    # of the caller, and of what it asks for
    "this needs a key with the permission …": "se necesita una clave con el permiso …",
    "the key is not allowed to be used from …": "la clave no se puede usar desde …",
    "this key may not be sent in the query string; use the Authorization header": (
        "esta clave no se puede enviar en la URL: use la cabecera Authorization"
    ),
    "send one credential: the Authorization header or api_key, once": (
        "envíe la clave una sola vez: en la cabecera Authorization o en api_key"
    ),
    "the Authorization header must read: Bearer KEY": "la cabecera Authorization debe ser: Bearer CLAVE",
    "the allowed number of requests per minute and per day is used up": (
        "el número de peticiones permitidas por minuto y por día está agotado"
    ),
    "the allowed number of requests per minute is used up": (
        "el número de peticiones permitidas por minuto está agotado"
    ),
    "the allowed number of requests per day is used up": "el número de peticiones permitidas por día está agotado",
    "the allowed number of requests per … is used up": "el número de peticiones permitidas por … está agotado",
    "too many invalid keys came from this address; a valid key is accepted at once": (
        "han llegado demasiadas claves no válidas desde esta dirección; una clave válida se acepta enseguida"
    ),
    "… would go beyond that of the calling key": "… superaría lo que tiene la clave que llama",
    "at most … steps of one …: ask for a shorter range or a longer step": (
        "como máximo … pasos (…): pida un periodo más corto o un paso más largo"
    ),
    # what is as it is
    "the resource is at revision …": "el recurso está en la revisión …",
    "the key is revoked, which is for good: create a new one": "la clave está revocada, definitivamente: cree otra",
    "the key has expired: give it a new expiry along with the new secret": (
        "la clave ha caducado: dele una nueva fecha de caducidad con el nuevo secreto"
    ),
    "the key would gain …: send `regenerate: true` with the change": (
        "la clave ganaría …: envíe `regenerate: true` con el cambio"
    ),
    "validity beyond its expiry": "una validez más allá de su caducidad",
    "the tier allows at most … active keys": "el plan permite como máximo … claves activas",
    "the organisation already has … channels, the most it may have: delete one first": (
        "la organización ya tiene … canales, el máximo posible: elimine uno primero"
    ),
    "the organisation already has … alert rules, the most it may have: delete one first": (
        "la organización ya tiene … reglas de alerta, el máximo posible: elimine una primero"
    ),
    "alert rules name this channel: …": "hay reglas de alerta que nombran este canal: …",
    "a channel that the rule would name was deleted meanwhile": (
        "un canal que la regla nombraría se eliminó entretanto"
    ),
    "only webhook channels have a secret: email is not signed": (
        "solo los canales webhook tienen un secreto: el correo no se firma"
    ),
    "the channel is disabled: enable it first": "el canal está desactivado: actívelo primero",
    "the channel of the delivery is disabled: enable it first": "el canal del envío está desactivado: actívelo primero",
    "the channel of the delivery was deleted": "el canal del envío se eliminó",
    "the delivery is being sent right now: wait until it has finished": (
        "el envío está en curso: espere a que termine"
    ),
    "the history of the key is not available right now": "el historial de la clave no está disponible en este momento",
    "the first request with this Idempotency-Key is still running: repeat this one in a moment": (
        "la primera petición con esta Idempotency-Key sigue en curso: repita esta dentro de un momento"
    ),
    # who would be locked out
    "…: add `?force=true` if that is wanted": "…: añada `?force=true` si eso es lo que quiere",
    "the organisation would have no admin key left that is active and lasts another day": (
        "la organización se quedaría sin clave admin activa que dure un día más"
    ),
    "it would end the calling key; POST /v1/keys/self/revoke gives it up": (
        "pondría fin a la clave que llama; POST /v1/keys/self/revoke renuncia a ella"
    ),
    "it would suspend the calling key": "suspendería la clave que llama",
    "it would take from the calling key the permission that the change needs": (
        "quitaría a la clave que llama el permiso que exige el cambio"
    ),
    "the calling key could no longer be used from the address that it is used from now": (
        "la clave que llama ya no podría usarse desde la dirección desde la que se usa ahora"
    ),
    # a request that a proxy asks about
    "the X-Original-… and X-Forwarded-… headers describe different requests": (
        "las cabeceras X-Original-… y X-Forwarded-… describen peticiones distintas"
    ),
    "send X-Original-Method and X-Original-URI, or X-Forwarded-Method and X-Forwarded-Uri": (
        "envíe X-Original-Method y X-Original-URI, o X-Forwarded-Method y X-Forwarded-Uri"
    ),
    "the forwarded request must have a method in capitals and a path that starts with /": (
        "la petición reenviada debe tener un método en mayúsculas y una ruta que empiece por /"
    ),
    "the parameter name … must be written without percent-encoding": (
        "el nombre del parámetro … debe escribirse sin codificación con %"
    ),
    "send the key in the Authorization header or in …, and nowhere else": (
        "envíe la clave en la cabecera Authorization o en …, y en ningún otro sitio"
    ),
    # the configuration of a sensor
    "must be below on_ratio": "debe ser inferior a on_ratio",
    "must be below long_seconds": "debe ser inferior a long_seconds",
    "must not name the same twice": "no debe nombrar dos veces lo mismo",
}
