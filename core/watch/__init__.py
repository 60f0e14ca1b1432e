"""After the switch: what was served is written down (served.py), a random share of it is audited (rules.py says how much), and the
promise of the certificate is watched (sequence.py, standing.py). Everything but the answers and the audits is derived on
reading."""
