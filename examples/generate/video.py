"""Encodes the drawn interrogation as MP4 with H.264 and AAC.

The only module that needs PyAV. Its FFmpeg may encode differently in another release; the video is therefore made
on request and otherwise kept as it is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction

import av
from av.codec import CodecContext
from av.packet import Packet
from av.video.frame import PictureType

from generate.recording import SAMPLE_RATE_HZ, speech
from generate.typesetting import draw_frames

FRAMES_PER_SECOND = 10
PIXELS_PER_INCH = 72.0  # The drawing is 640 by 360 points: one pixel per point.
AAC_FRAME_SAMPLES = 1024


def mp4(duration_ms: int) -> bytes:
    """The drawn interrogation with the sound of two voices."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4", container_options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        video.options = {"preset": "slow", "crf": "22", "threads": "1", "flags": "+bitexact"}
        audio = container.add_stream("aac", rate=SAMPLE_RATE_HZ)
        audio.layout = "mono"
        audio.options = {"b": "48000", "flags": "+bitexact"}
        for frame in _pictures(duration_ms):
            container.mux(video.encode(frame))
        for sound in _sounds(duration_ms):
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return target.getvalue()


def _pictures(duration_ms: int) -> Iterator[av.VideoFrame]:
    for index, png in enumerate(draw_frames(duration_ms * FRAMES_PER_SECOND // 1000, PIXELS_PER_INCH)):
        frame = CodecContext.create("png", "r").decode(Packet(png))[0].reformat(format="yuv420p")
        frame.pict_type = PictureType.NONE  # A picture from a PNG would otherwise be forced to a key frame.
        frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
        yield frame


def _sounds(duration_ms: int) -> Iterator[av.AudioFrame]:
    samples = speech(duration_ms)
    for start in range(0, len(samples), AAC_FRAME_SAMPLES):
        piece = samples[start : start + AAC_FRAME_SAMPLES]
        sound = av.AudioFrame(format="s16", layout="mono", samples=len(piece))
        sound.planes[0].update(piece.tobytes())
        sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE_HZ, start, Fraction(1, SAMPLE_RATE_HZ)
        yield sound
