"""Replay of a labelled file with the code of live rounds: what would each strategy have cost in labels?

arms: who competes. replay: one run of one arm. figures: what the runs say together. runner: all runs, in parallel,
none twice. Start reading at runner.simulate.
"""
