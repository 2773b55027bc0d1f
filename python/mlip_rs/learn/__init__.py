"""Learning loops: which structures to label next, until error bars and errors are as small as asked for."""

from mlip_rs.learn.loop import learn
from mlip_rs.learn.settings import LearnSettings

__all__ = ["LearnSettings", "learn"]
