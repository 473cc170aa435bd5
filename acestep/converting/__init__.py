"""Turns an original release of ACE-Step 1.5 into the folder that diffusers and `acestep.loading` read."""
