"""The dashboard: `streamlit run app.py` (python3 run.py does that, with the worker). The menu; nothing else."""

from core.ui import frame

frame.menu().run()
