"""The dashboard: `streamlit run app.py` (python3 run.py does that, with the worker). The menu, and the server's door before it."""

from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True):  # somebody looks at it
    from core.ui import frame

    frame.menu().run()
else:  # the server starts: Streamlit finds `app` in this file and serves it
    from starlette.middleware import Middleware
    from streamlit.starlette import App

    from core.ui.held_files import OwnFiles
    from core.ui.hosts import AllowedHosts

    app = App(__file__, middleware=[Middleware(AllowedHosts), Middleware(OwnFiles)])
