"""A JupyterHub for a class on one machine, each learner with an account of the system.

In the project's folder, as root, on a machine with Linux:

    python3 -m venv /opt/course
    /opt/course/bin/pip install -c requirements.lock -e ".[lab,hub]"
    PATH=/opt/course/bin:$PATH jupyterhub -f classroom/jupyterhub_config.py

To try it alone, without accounts: name each learner as you like, any password.

    jupyterhub -f classroom/jupyterhub_config.py --JupyterHub.authenticator_class=dummy \
        --JupyterHub.spawner_class=simple
"""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

c = get_config()  # noqa: F821

# Where the class finds the hub. For a network, put a web server with HTTPS before it.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# Whoever can log in is welcome: with PAM, everybody who has an account on this machine.
c.Authenticator.allow_all = True

# A learner's server starts in ~/course, made anew or brought up to date, and opens START.md.
c.Spawner.cmd = [str(PROJECT / "start"), "jupyterhub-singleuser"]
bin_folder = str(Path(sys.executable).parent)
c.Spawner.environment = {"PATH": os.pathsep.join([bin_folder, os.environ["PATH"]])}
c.Spawner.start_timeout = 300  # seconds: a whole class at once, on a small machine
c.Spawner.http_timeout = 300

# Secrets, users and the log: in the folder where the hub is started.
