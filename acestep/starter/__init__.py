"""The starter model: procedural songs, the codec, the recipe and the shipped weights."""
