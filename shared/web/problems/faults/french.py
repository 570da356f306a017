"""French of what is wrong with a request, by its English text. In both, `…` stands for what is told as it is."""

from collections.abc import Mapping

FRENCH_FAULTS: Mapping[str, str] = {
    # marshmallow's own
    "Missing data for required field.": "est nécessaire",
    "Field may not be null.": "ne peut pas être null",
    "Unknown field.": "n'existe pas",
    "Invalid value.": "n'est pas valable",
    "Invalid type.": "n'est pas du bon type",
    "Invalid input type.": "doit être un objet",
    "Not a valid string.": "doit être un texte",
    "Not a valid utf-8 string.": "doit être un texte en UTF-8",
    "Not a valid integer.": "doit être un nombre entier",
    "Not a valid number.": "doit être un nombre",
    "Number too large.": "est un nombre trop grand",
    "Not a valid boolean.": "doit être true ou false",
    "Not a valid list.": "doit être une liste",
    "Not a valid mapping type.": "doit être un objet",
    "String does not match expected pattern.": "n'a pas la forme attendue",
    "Must be one of: ….": "doit être l'un de : …",
    "Must be greater than or equal to … and less than or equal to ….": "doit être compris entre … et …",
    "Must be greater than or equal to ….": "doit être au moins …",
    "Must be less than or equal to ….": "doit être au plus …",
    "Length must be between … and ….": "doit avoir une longueur comprise entre … et …",
    "Shorter than minimum length ….": "doit avoir une longueur d'au moins …",
    "Longer than maximum length ….": "doit avoir une longueur d'au plus …",
    # texts
    "must not be blank": "ne doit pas être vide",
    "must not contain an API key": "ne doit pas contenir de clé API",
    "must not contain control characters": "ne doit pas contenir de caractères de contrôle",
    "must not contain control, invisible or text direction characters": (
        "ne doit pas contenir de caractères de contrôle, invisibles ou de sens d'écriture"
    ),
    "must contain visible ASCII characters only, and no API key": (
        "ne doit contenir que des caractères ASCII visibles, et pas de clé API"
    ),
    "must start with / and have at most … printable ASCII characters": (
        "doit commencer par / et avoir au plus … caractères ASCII imprimables"
    ),
    "must be a label as name:value, such as env:prod": "doit être une étiquette nom:valeur, comme env:prod",
    "must be a label's name and value, such as env:prod": "doit être une étiquette nom:valeur, comme env:prod",
    "a key has at most … labels": "une clé a au plus … étiquettes",
    "is not of the form that it must have": "n'a pas la forme attendue",
    # times
    "must be an RFC 3339 time with a UTC offset, such as …": (
        "doit être une date et heure RFC 3339 avec son décalage UTC, comme 2026-11-23T10:17:00+02:00 "
        "(dans une URL, + s'écrit %2B)"
    ),
    "must be a text, such as …": "doit être un texte, comme …",
    "must be between the years 1901 and 2199": "doit être entre les années 1901 et 2199",
    "must not be in the future": "ne doit pas être dans le futur",
    "and … more members are wrong": "et … autres membres sont incorrects",
    "send at most … KiB": "envoyez au plus … Kio",
    "must be in the future, at most ten years ahead": "doit être dans le futur, dans dix ans au plus",
    "must be later than start": "doit être après start",
    "must not be before start": "ne doit pas être avant start",
    "must not be later than to (or than now, if to is left out)": "ne doit pas être après to (sans to : maintenant)",
    "is too long ago": "est trop ancien",
    # numbers and choices
    "must be a whole number": "doit être un nombre entier",
    "must be one of …": "doit être l'un de …",
    "must be a status such as 429, or a class such as 4xx": "doit être un statut, comme 429, ou une classe, comme 4xx",
    "must not be less than min_magnitude": "ne doit pas être inférieur à min_magnitude",
    "must be in ascending order, without repetition": "doit être en ordre croissant, sans répétition",
    "must not exceed the tier's limit of …": "ne doit pas dépasser la limite de l'offre, …",
    "must not exceed lifetime_max_days, which is …": "ne doit pas dépasser lifetime_max_days, qui est …",
    "the organisation's keys live at most … days: this one may expire at … at the latest": (
        "les clés de l'organisation vivent au plus … jours : celle-ci peut expirer le … au plus tard"
    ),
    "no such status: …; choose from …": "ce statut n'existe pas : … ; choisissez parmi …",
    # ways that exclude each other
    "give as_of or revision, not both": "donnez as_of ou revision, pas les deux",
    "give page or cursor, not both": "donnez page ou cursor, pas les deux",
    "give lat, lon and radius together": "donnez lat, lon et radius ensemble",
    "give expires_at or expires_in, not both": "donnez expires_at ou expires_in, pas les deux",
    "give key_ids or label, not both": "donnez key_ids ou label, pas les deux",
    "give exactly one of label, created_before and ids": "donnez exactement un de label, created_before et ids",
    "the secret that is replaced gets no grace: leave grace_seconds out": (
        "le secret remplacé n'a pas de délai : ne donnez pas grace_seconds"
    ),
    "the secret that is replaced signs no more: leave overlap_seconds out": (
        "le secret remplacé ne signe plus : ne donnez pas overlap_seconds"
    ),
    "this Idempotency-Key came with another body before": "cette Idempotency-Key est déjà venue avec un autre corps",
    # what it names
    "cannot be changed": "ne peut pas être changé",
    "no such key": "cette clé n'existe pas",
    "there is no … with this id": "aucun objet (…) n'a cet identifiant",
    "not an IP address or network: …": "n'est ni une adresse IP ni un réseau : …",
    "must not name a network interface (the part after %)": ("ne doit pas nommer d'interface réseau (ce qui suit %)"),
    "must be four numbers in degrees: west,south,east,north": (
        "doit être quatre nombres en degrés : west,south,east,north"
    ),
    "must have longitudes from -180 to 180, latitudes from -90 to 90, and south below north": (
        "doit avoir des longitudes de -180 à 180, des latitudes de -90 à 90, et south sous north"
    ),
    "no such network: …": "ce réseau n'existe pas : …",
    "an admin key opens all networks: leave them out, or the permission admin": (
        "une clé d'administration ouvre tous les réseaux : ne les donnez pas, ou retirez la permission admin"
    ),
    # networks
    "must be the network's name, letter by letter": "doit être le nom du réseau, lettre pour lettre",
    "must not be above trigger_on": "ne doit pas être au-dessus de trigger_on",
    "… sensors belong to this network: move or delete them first": (
        "… capteurs appartiennent à ce réseau : déplacez-les ou supprimez-les d'abord"
    ),
    "the organisation has … networks, the most it may have: delete one first": (
        "l'organisation a … réseaux, le plus qu'elle puisse avoir : supprimez-en un d'abord"
    ),
    "… takes no new sensors: name another network, or let this one accept new ones": (
        "… ne prend pas de nouveaux capteurs : nommez un autre réseau, ou laissez celui-ci en accepter"
    ),
    "which networks there are cannot be asked right now; nothing was changed": (
        "on ne peut pas demander maintenant quels réseaux existent ; rien n'a été modifié"
    ),
    "all networks": "tous les réseaux",
    "the networks …": "les réseaux …",
    "not an id": "n'est pas un identifiant",
    # channels
    "is required for a channel of this kind": "est nécessaire pour un canal de ce type",
    "does not apply to a channel of this kind": "ne s'applique pas à un canal de ce type",
    "must be of the form https://HOST/PATH": "doit être de la forme https://HÔTE/CHEMIN",
    "must begin with https://": "doit commencer par https://",
    "is not on the public internet": "n'est pas sur l'internet public",
    "must not contain a user name, password or fragment: verify the signature of each message instead": (
        "ne doit contenir ni nom d'utilisateur, ni mot de passe, ni fragment : vérifiez la signature de chaque message"
    ),
    "must be one email address, such as ops@example.org": "doit être une adresse e-mail, comme ops@example.org",
    "this installation cannot send email: no SMTP server is configured": (
        "cette installation ne peut pas envoyer d'e-mail : aucun serveur SMTP n'est configuré"
    ),
    # headers, queries and bodies as a whole
    "unknown query parameters: …": "paramètres inconnus : …",
    "is given more than once": "est donné plus d'une fois",
    "the body did not arrive completely": "le corps n'est pas arrivé en entier",
    "the body is nested too deeply": "le corps est imbriqué trop profondément",
    "the body is not JSON: …": "le corps n'est pas du JSON : …",
    "the body is not UTF-8 text": "le corps n'est pas un texte en UTF-8",
    "send next_cursor of the previous page, unchanged": "envoyez next_cursor de la page précédente, tel quel",
    "comes from a list with another …; …": "vient d'une liste dont ce qui suit est différent : … ; …",
    "a CSV file has no pages, so leave it out": "un fichier CSV n'a pas de pages : ne le donnez pas",
    "must be * or tags as in ETag, such as …": "doit être * ou des étiquettes comme dans ETag, par exemple …",
    "must be 1 to 255 printable ASCII characters without spaces, and no API key": (
        "doit avoir 1 à 255 caractères ASCII imprimables sans espace, et pas de clé API"
    ),
    "says which revision a change is based on; this changes nothing": (
        "dit sur quelle révision se fonde une modification ; rien n'est modifié ici"
    ),
    "nothing that has a revision is changed here": "rien de ce qui a une révision n'est modifié ici",
    "asks whether what GET shows is new; this is no GET": (
        "demande si ce que montre GET est nouveau ; ce n'est pas un GET"
    ),
    "only proxies that TRUSTED_PROXIES lists may ask about forwarded requests": (
        "seuls les proxys de TRUSTED_PROXIES peuvent interroger sur des requêtes transmises"
    ),
    "send the key in the Authorization header: this service takes none in the URL's query": (
        "envoyez la clé dans l'en-tête Authorization : ce service n'en prend pas dans l'URL"
    ),
    # of the caller, and of what it asks for
    "this needs a key with the permission …": "il faut une clé qui a la permission …",
    "the key is not allowed to be used from …": "la clé ne peut pas être utilisée depuis …",
    "this key may not be sent in the query string; use the Authorization header": (
        "cette clé ne peut pas être envoyée dans l'URL : utilisez l'en-tête Authorization"
    ),
    "send one credential: the Authorization header or api_key, once": (
        "envoyez la clé une seule fois : dans l'en-tête Authorization ou dans api_key"
    ),
    "the Authorization header must read: Bearer KEY": "l'en-tête Authorization doit être : Bearer CLE",
    "the allowed number of requests per minute and per day is used up": (
        "le nombre de requêtes permis par minute et par jour est épuisé"
    ),
    "the allowed number of requests per minute is used up": "le nombre de requêtes permis par minute est épuisé",
    "the allowed number of requests per day is used up": "le nombre de requêtes permis par jour est épuisé",
    "the allowed number of requests per … is used up": "le nombre de requêtes permis par … est épuisé",
    "too many invalid keys came from this address; a valid key is accepted at once": (
        "trop de clés non valables sont venues de cette adresse ; une clé valable est acceptée aussitôt"
    ),
    "… would go beyond that of the calling key": "… dépasserait ce qu'a la clé appelante",
    "at most … steps of one …: ask for a shorter range or a longer step": (
        "au plus … pas (…) : demandez une période plus courte ou un pas plus long"
    ),
    # what is as it is
    "the resource is at revision …": "la ressource en est à la révision …",
    "the key is revoked, which is for good: create a new one": (
        "la clé est révoquée, définitivement : créez-en une autre"
    ),
    "the key has expired: give it a new expiry along with the new secret": (
        "la clé a expiré : donnez-lui une nouvelle expiration avec le nouveau secret"
    ),
    "the key would gain …: send `regenerate: true` with the change": (
        "la clé gagnerait … : envoyez `regenerate: true` avec la modification"
    ),
    "validity beyond its expiry": "une validité au-delà de son expiration",
    "the tier allows at most … active keys": "l'offre permet au plus … clés actives",
    "the organisation already has … channels, the most it may have: delete one first": (
        "l'organisation a déjà … canaux, le plus qu'elle puisse avoir : supprimez-en un d'abord"
    ),
    "the organisation already has … alert rules, the most it may have: delete one first": (
        "l'organisation a déjà … règles d'alerte, le plus qu'elle puisse avoir : supprimez-en une d'abord"
    ),
    "alert rules name this channel: …": "des règles d'alerte nomment ce canal : …",
    "a channel that the rule would name was deleted meanwhile": (
        "un canal que la règle nommerait a été supprimé entre-temps"
    ),
    "only webhook channels have a secret: email is not signed": (
        "seuls les canaux webhook ont un secret : un e-mail n'est pas signé"
    ),
    "the channel is disabled: enable it first": "le canal est désactivé : activez-le d'abord",
    "the channel of the delivery is disabled: enable it first": (
        "le canal de l'envoi est désactivé : activez-le d'abord"
    ),
    "the channel of the delivery was deleted": "le canal de l'envoi a été supprimé",
    "the delivery is being sent right now: wait until it has finished": (
        "l'envoi est en cours : attendez qu'il soit terminé"
    ),
    "the history of the key is not available right now": "l'historique de la clé n'est pas disponible en ce moment",
    "the first request with this Idempotency-Key is still running: repeat this one in a moment": (
        "la première requête avec cette Idempotency-Key est encore en cours : répétez celle-ci dans un instant"
    ),
    # who would be locked out
    "…: add `?force=true` if that is wanted": "… : ajoutez `?force=true` si c'est voulu",
    "the organisation would have no admin key left that is active and lasts another day": (
        "l'organisation n'aurait plus de clé admin active qui dure encore un jour"
    ),
    "it would end the calling key; POST /v1/keys/self/revoke gives it up": (
        "cela mettrait fin à la clé appelante ; POST /v1/keys/self/revoke la rend"
    ),
    "it would suspend the calling key": "cela suspendrait la clé appelante",
    "it would take from the calling key the permission that the change needs": (
        "cela retirerait à la clé appelante la permission que demande la modification"
    ),
    "the calling key could no longer be used from the address that it is used from now": (
        "la clé appelante ne pourrait plus être utilisée depuis l'adresse d'où elle l'est en ce moment"
    ),
    # a request that a proxy asks about
    "the X-Original-… and X-Forwarded-… headers describe different requests": (
        "les en-têtes X-Original-… et X-Forwarded-… décrivent des requêtes différentes"
    ),
    "send X-Original-Method and X-Original-URI, or X-Forwarded-Method and X-Forwarded-Uri": (
        "envoyez X-Original-Method et X-Original-URI, ou X-Forwarded-Method et X-Forwarded-Uri"
    ),
    "the forwarded request must have a method in capitals and a path that starts with /": (
        "la requête transmise doit avoir une méthode en majuscules et un chemin qui commence par /"
    ),
    "the parameter name … must be written without percent-encoding": (
        "le nom du paramètre … doit être écrit sans codage par %"
    ),
    "send the key in the Authorization header or in …, and nowhere else": (
        "envoyez la clé dans l'en-tête Authorization ou dans …, et nulle part ailleurs"
    ),
    # the configuration of a sensor
    "must be below on_ratio": "doit être inférieur à on_ratio",
    "must be below long_seconds": "doit être inférieur à long_seconds",
    "must not name the same twice": "ne doit pas nommer deux fois la même chose",
}
