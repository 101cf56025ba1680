"""The exercises as an nbgrader course: for teachers who collect answers and give points.

nbgrader comes with what `make test` installs. In the project's folder, with its environment
active (`source .venv/bin/activate`), for each chapter that is handed out:

    nbgrader generate_assignment 03_tcp_server --force
    nbgrader autograde 03_tcp_server
    nbgrader generate_feedback 03_tcp_server
    nbgrader export

The first puts the chapter's cells into `gradebook.db`; what the class gets is in `exercises/`. An
answer is handed in by putting it at `submitted/STUDENT/03_tcp_server/03_tcp_server.ipynb`; a
student's own copy is called `exercises_03_tcp_server.ipynb`, and nbgrader wants the shorter name.
The points come in `grades.csv`. `--force` takes a chapter, or an answer, that was taken before.
"""

c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "minisocketserver"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"
