"""What the shipped networks can name, and which labels of other collections mean the same."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES: tuple[str, ...] = (
    "gunshot", "firework", "explosion", "thunder", "door", "hammer", "impact", "knock", "clap", "glass", "drum",
    "jackhammer", "drilling", "dog_bark", "animal", "bird", "insect", "car_horn", "siren", "alarm", "engine",
    "motorcycle", "traffic", "train", "aircraft", "speech", "crowd", "music", "rain", "wind", "water",
)  # fmt: skip

_MANIFEST: Mapping[str, tuple[str, ...]] = {
    "gunshot": ("gunshot", "machine_gun"),
    "door": ("door_slam", "door_creak"),
    "impact": ("impact", "metal_hit", "footsteps", "balloon", "can_opening"),
    "clap": ("clap", "applause"),
    "animal": ("cat", "cow", "pig", "sheep", "frog"),
    "bird": ("bird", "rooster", "hen"),
    "insect": ("insects", "crickets"),
    "car_horn": ("car_horn", "air_horn"),
    "siren": ("siren", "police_siren", "fire_engine_siren"),
    "alarm": ("clock_alarm", "doorbell"),
    "engine": ("engine", "chainsaw", "air_conditioner", "vacuum_cleaner", "washing_machine"),
    "traffic": ("traffic", "car"),
    "aircraft": ("airplane", "helicopter"),
    "crowd": ("crowd", "children_playing", "laughing"),
    "music": ("street_music", "music", "church_bells"),
    "water": ("sea_waves", "pouring_water", "water_drops", "toilet_flush"),
}

CLASS_OF_LABEL: Mapping[str, str] = {name: name for name in CLASSES} | {
    label: name for name, labels in _MANIFEST.items() for label in labels
}
"""A label of the recordings' manifest → the class it teaches; labels that are not here teach only what they are not."""

AUDIOSET: Mapping[str, tuple[str, ...]] = {
    "firework": ("Fireworks", "Firecracker"),
    "explosion": ("Explosion", "Boom", "Burst, pop", "Eruption"),
    "thunder": ("Thunder", "Thunderstorm"),
    "door": ("Door", "Slam", "Sliding door"),
    "hammer": ("Hammer",),
    "impact": ("Bang", "Thump, thud", "Smash, crash", "Whack, thwack", "Walk, footsteps"),
    "knock": ("Knock", "Tap"),
    "clap": ("Clapping", "Applause", "Finger snapping"),
    "glass": ("Glass", "Shatter", "Breaking"),
    "drum": ("Drum", "Snare drum", "Bass drum", "Drum kit", "Percussion", "Cymbal"),
    "jackhammer": ("Jackhammer",),
    "drilling": ("Drill", "Power tool"),
    "dog_bark": ("Bark", "Dog", "Bow-wow"),
    "animal": ("Cat", "Livestock, farm animals, working animals", "Wild animals", "Frog"),
    "bird": ("Bird", "Fowl"),
    "insect": ("Insect", "Cricket"),
    "car_horn": ("Vehicle horn, car horn, honking", "Air horn, truck horn", "Toot"),
    "siren": ("Siren", "Police car (siren)", "Ambulance (siren)", "Fire engine, fire truck (siren)"),
    "alarm": ("Alarm", "Car alarm", "Reversing beeps", "Smoke detector, smoke alarm"),
    "engine": ("Engine", "Chainsaw", "Lawn mower", "Vacuum cleaner", "Air conditioning"),
    "motorcycle": ("Motorcycle",),
    "traffic": ("Traffic noise, roadway noise", "Car passing by", "Truck", "Bus"),
    "train": ("Train", "Rail transport"),
    "aircraft": ("Aircraft", "Helicopter", "Fixed-wing aircraft, airplane"),
    "speech": ("Speech", "Shout"),
    "crowd": ("Crowd", "Children playing", "Laughter", "Cheering"),
    "music": ("Music", "Bell"),
    "rain": ("Rain", "Rain on surface"),
    "wind": ("Wind", "Wind noise (microphone)"),
    "water": ("Water", "Ocean", "Stream"),
}
"""A class → AudioSet's display names whose largest score a teacher gives for it. No teacher is asked about gunshots:
on real gunfire at street distance the public taggers are wrong more often than right."""

GUNS = ("Gunshot, gunfire", "Machine gun", "Fusillade", "Artillery fire", "Cap gun")
"""AudioSet's display names that mean gunfire: a teacher's say where in a clip that holds gunfire it is heard."""
