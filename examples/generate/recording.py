"""Makes the sound of the example, speech-like and always the same, and reads how long a video says that it is."""

from __future__ import annotations

import io
import math
import struct
import wave
from array import array
from itertools import cycle

SAMPLE_RATE_HZ = 16_000
SYLLABLE_SECONDS = 0.22

# Formants of a few vowels, in Hz, and the pitches of the two speakers.
VOWELS_HZ = ((730, 1090, 2440), (300, 870, 2240), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480))
PITCHES_HZ = (128.0, 128.0, 128.0, 128.0, 0.0, 98.0, 98.0, 98.0, 98.0, 98.0, 0.0)
FORMANT_WIDTH_HZ = 110.0
HIGHEST_HARMONIC_HZ = 3600.0
PEAK = 9000


def speech(duration_ms: int) -> array[int]:
    """Samples (16 bit, one channel) of two voices that speak by turns in vowels, with pauses between them."""
    samples = array("h")
    vowels = cycle(VOWELS_HZ)
    for syllable in range(math.ceil(duration_ms / 1000 / SYLLABLE_SECONDS)):
        samples.extend(_syllable(PITCHES_HZ[syllable % len(PITCHES_HZ)], next(vowels), syllable))
    return samples[: duration_ms * SAMPLE_RATE_HZ // 1000]


def wav(duration_ms: int) -> bytes:
    """The sound as a WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(_little_endian(speech(duration_ms)))
    return target.getvalue()


def stated_duration_ms(mp4_file: bytes) -> int:
    """How long an MP4 says that it is: the movie header of ISO/IEC 14496-12, version 0. Raises ValueError."""
    header = mp4_file.find(b"mvhd")
    if header < 0 or mp4_file[header + 4] != 0:
        raise ValueError("the video has no movie header of version 0; make it anew with `--video`")
    units_per_second, units = struct.unpack_from(">II", mp4_file, header + 16)
    return int(units) * 1000 // int(units_per_second)


def _syllable(pitch_hz: float, formants_hz: tuple[int, ...], position: int) -> array[int]:
    """One vowel that swells and fades, its pitch falling a little; silence when the pitch is 0."""
    count = int(SAMPLE_RATE_HZ * SYLLABLE_SECONDS)
    if not pitch_hz:
        return array("h", bytes(2 * count))
    tone_hz = pitch_hz * (1 + 0.04 * math.sin(position))
    harmonics = [
        (number * tone_hz, _loudness(number * tone_hz, formants_hz) / number)
        for number in range(1, int(HIGHEST_HARMONIC_HZ / tone_hz))
    ]
    whole = sum(level for _, level in harmonics)
    return array(
        "h", (round(PEAK * _swell(n / count) * _mixture(harmonics, n) / whole) for n in range(count))
    )


def _loudness(frequency_hz: float, formants_hz: tuple[int, ...]) -> float:
    return 0.05 + sum(1 / (1 + ((frequency_hz - formant) / FORMANT_WIDTH_HZ) ** 2) for formant in formants_hz)


def _swell(position: float) -> float:
    return math.pow(math.sin(math.pi * position), 0.6)


def _mixture(harmonics: list[tuple[float, float]], sample: int) -> float:
    angle = 2 * math.pi * sample / SAMPLE_RATE_HZ
    return sum(level * math.sin(frequency_hz * angle) for frequency_hz, level in harmonics)


def _little_endian(samples: array[int]) -> bytes:
    """WAV is little-endian on every machine."""
    ordered = array("h", samples)
    if array("H", [1]).tobytes() != b"\x01\x00":
        ordered.byteswap()
    return ordered.tobytes()
