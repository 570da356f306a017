"""The keys by which followers believe: what keys and auth sign with, and what is believed of them. From settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.replication.proof.signatures import KeyMalformed, Signer, Verifier

SETTINGS = tuple(
    f"{service}_{kind}" for service in ("KEYS", "AUTH", "SENSORS") for kind in ("SIGNING_KEY", "VERIFY_KEYS")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofKeys:
    """`keys_*`: of the log of keys; `auth_*`: of auth's snapshots; `sensors_*`: of heads of the log of sensors.

    None: nothing is signed, or demanded.
    """

    keys_signer: Signer | None = field(default=None, repr=False)
    keys_verifier: Verifier | None = None
    auth_signer: Signer | None = field(default=None, repr=False)
    auth_verifier: Verifier | None = None
    sensors_signer: Signer | None = field(default=None, repr=False)
    sensors_verifier: Verifier | None = None

    def not_verified(self) -> tuple[str, ...]:
        """The settings without which something is believed unproved."""
        named = (("KEYS_VERIFY_KEYS", self.keys_verifier), ("AUTH_VERIFY_KEYS", self.auth_verifier))
        return tuple(name for name, verifier in named if verifier is None)


def read_proof_keys(environment: Mapping[str, str]) -> ProofKeys:
    """KEYS_SIGNING_KEY, KEYS_VERIFY_KEYS, and those of AUTH and SENSORS. Raises KeyMalformed, naming one."""
    keys_signer, keys_verifier = _pair(environment, "KEYS")
    auth_signer, auth_verifier = _pair(environment, "AUTH")
    sensors_signer, sensors_verifier = _pair(environment, "SENSORS")
    return ProofKeys(
        keys_signer=keys_signer,
        keys_verifier=keys_verifier,
        auth_signer=auth_signer,
        auth_verifier=auth_verifier,
        sensors_signer=sensors_signer,
        sensors_verifier=sensors_verifier,
    )


def _pair(environment: Mapping[str, str], service: str) -> tuple[Signer | None, Verifier | None]:
    signing, verifying = f"{service}_SIGNING_KEY", f"{service}_VERIFY_KEYS"
    private_key, public_keys = environment.get(signing, ""), environment.get(verifying, "")
    believed = public_keys.replace(",", " ").split()
    try:
        signer = Signer(private_key) if private_key else None
    except KeyMalformed:
        raise KeyMalformed(f"{signing} must be 32 bytes in base64, as `grillo signing-key` makes it.") from None
    try:
        verifier = Verifier(believed) if believed else None
    except KeyMalformed:
        raise KeyMalformed(f"{verifying} must be one or two public keys in base64, separated by commas.") from None
    if signer is not None and believed and signer.public_key not in believed:
        raise KeyMalformed(f"{verifying} lacks the public key of {signing}, so nobody would believe it: add it first.")
    return signer, verifier
