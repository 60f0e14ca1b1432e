"""What an export takes along to answer with; predict.py runs beside runtime.py, not in here."""
