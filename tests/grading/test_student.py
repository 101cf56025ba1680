"""What runs in a student's process."""

import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how long a thread waited")
def test_a_cell_that_waits_for_a_processor_is_not_stopped(in_a_crowd):
    """One before it has used up the time for all: from then on a cell has half a second."""
    told = in_a_crowd(
        """
        from socketlab.grading import budget, student

        budget.CELLS_SECONDS = 0.2
        student.prepare()
        cells = {
            "sleeps": "import time; time.sleep(60)",
            "computes": "end = time.process_time() + 0.3\\nwhile time.process_time() < end: pass",
        }
        shell = student.Shell.instance()
        with student.StopButton(1.5) as button:
            print(*student.run_cells(cells, shell, button))
        """
    )
    assert told == "sleeps\n"
