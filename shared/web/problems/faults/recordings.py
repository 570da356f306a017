"""What is wrong with a request for recordings, in French and Spanish; in the form of french.py."""

from collections.abc import Mapping

FRENCH: Mapping[str, str] = {
    "the range is … s long; the limit is … s": "la période dure … s ; la limite est de … s",
    "the organisation has … exports that are not finished: wait for one of them": (
        "l'organisation a … exports qui ne sont pas terminés : attendez la fin de l'un d'eux"
    ),
    "the export is not finished yet: look at its percent, and come again": (
        "l'export n'est pas encore terminé : regardez son pourcentage et revenez"
    ),
    "the export has no file, or no longer: ask for it again": (
        "l'export n'a pas de fichier, ou n'en a plus : demandez-le de nouveau"
    ),
    "one request reads at most … samples: ask for the rest in another": (
        "une requête lit au plus … échantillons : demandez le reste dans une autre"
    ),
    "is for JSON alone": "ne vaut que pour JSON",
    "a sensor, and each of its axes, has at most … epochs: join those that are alike": (
        "un capteur, et chacun de ses axes, a au plus … époques : réunissez celles qui se ressemblent"
    ),
    "SAC holds one channel without a gap, and this range has …: ask for format=miniseed": (
        "SAC contient un seul canal sans lacune, et cette période a … : demandez format=miniseed"
    ),
    "no samples": "aucun échantillon",
    "… channels": "… canaux",
    "… segments": "… segments",
}

SPANISH: Mapping[str, str] = {
    "the range is … s long; the limit is … s": "el periodo dura … s; el límite es de … s",
    "the organisation has … exports that are not finished: wait for one of them": (
        "la organización tiene … exportaciones sin terminar: espere a que acabe una"
    ),
    "the export is not finished yet: look at its percent, and come again": (
        "la exportación aún no ha terminado: mire su porcentaje y vuelva"
    ),
    "the export has no file, or no longer: ask for it again": (
        "la exportación no tiene archivo, o ya no lo tiene: pídala de nuevo"
    ),
    "one request reads at most … samples: ask for the rest in another": (
        "una petición lee como máximo … muestras: pida el resto en otra"
    ),
    "is for JSON alone": "solo vale para JSON",
    "a sensor, and each of its axes, has at most … epochs: join those that are alike": (
        "un sensor, y cada uno de sus ejes, tiene como máximo … épocas: una las que se parecen"
    ),
    "SAC holds one channel without a gap, and this range has …: ask for format=miniseed": (
        "SAC contiene un solo canal sin huecos, y este periodo tiene …: pida format=miniseed"
    ),
    "no samples": "ninguna muestra",
    "… channels": "… canales",
    "… segments": "… segmentos",
}
