"""`/v4`: our board in the shape of The Odds API, so that programs written for it read ours.

The paths, the parameters, the bodies, the quota headers and the costs are the original's. Where it
answers a mistake with something else and says nothing, we say 422 and what is wrong.
"""
