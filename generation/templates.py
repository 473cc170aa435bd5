"""Structures to start from: a name and the text that the structure language reads, times in seconds."""

TEMPLATES: dict[str, str] = {
    "Short song": "intro 0-4, verse 4-12, chorus 12-20",
    "Verse and chorus": "intro 0-4, verse 4-12, chorus 12-20, verse 20-28, chorus 28-36, outro 36-40",
    "With a bridge": "intro 0-4, verse 4-12, chorus 12-20, bridge 20-26, chorus 26-34, outro 34-38",
    "Breakdown and solo": "intro 0-4, verse 4-12, breakdown 12-18, solo 18-26, chorus 26-34, outro 34-38",
    "Build and drop": "intro 0-4, build-up 4-8, riser 6-8, drop 8-16, crash @8, breakdown 16-20, drop 20-28",
    "Straight in": "chorus 0-8, verse 8-16, chorus 16-24, outro 24-28",
}
