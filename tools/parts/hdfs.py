"""HDFS of one NameNode and one DataNode, spoken to over WebHDFS."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tools.parts.jars import jars, java
from tools.parts.running import Missing, Program, eventually, free_port, listens

ARTIFACTS = (
    "org.apache.hadoop:hadoop-hdfs:3.5.0",
    "org.apache.hadoop:hadoop-common:3.5.0",
    "org.apache.hadoop:hadoop-hdfs-client:3.5.0",
)
NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
USER = "app"
LOGGING = (
    "log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
    "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
)


def install_hdfs() -> Path:
    """Bring it."""
    return jars("hdfs-3.5.0", ARTIFACTS, install=True)


class Hdfs:
    """One file system."""

    def __init__(self, folder: Path) -> None:
        library, settings = jars("hdfs-3.5.0", ARTIFACTS), folder / "settings"
        self._folder = folder
        self._rpc, self.http, data, data_http, ipc = (free_port() for _ in range(5))
        for daemon in ("hdfs", "datanode"):  # the jars lack the pages that both daemons insist on
            page = settings / "webapps" / daemon / "WEB-INF"
            page.mkdir(parents=True)
            (page / "web.xml").write_text("<web-app/>")
        (settings / "log4j.properties").write_text(LOGGING)
        _write(settings / "core-site.xml", {"fs.defaultFS": self.rpc_address, "hadoop.tmp.dir": folder / "tmp"})
        _write(
            settings / "hdfs-site.xml",
            {
                "dfs.replication": 1,
                "dfs.namenode.name.dir": f"file://{folder}/name",
                "dfs.datanode.data.dir": f"file://{folder}/data",
                "dfs.namenode.rpc-bind-host": "127.0.0.1",
                "dfs.namenode.http-address": f"127.0.0.1:{self.http}",
                "dfs.datanode.address": f"127.0.0.1:{data}",
                "dfs.datanode.http.address": f"127.0.0.1:{data_http}",
                "dfs.datanode.ipc.address": f"127.0.0.1:{ipc}",
                "dfs.datanode.hostname": "127.0.0.1",
                "dfs.client.use.datanode.hostname": "true",
                "dfs.namenode.safemode.extension": 0,
                "dfs.namenode.datanode.registration.ip-hostname-check": "false",
                "dfs.permissions.enabled": "false",
                "dfs.heartbeat.interval": 1,
                "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": 10,
            },
        )
        self._java = java("-cp", f"{settings}:{library}/*")
        self._environment = {"HADOOP_USER_NAME": USER}
        self.name_node = self._daemon(NAME_NODE, lambda: listens(self.http))
        self.data_node = self._daemon(DATA_NODE, lambda: listens(data_http))

    @property
    def rpc_address(self) -> str:
        """As Hadoop's own clients write it."""
        return f"hdfs://127.0.0.1:{self._rpc}"

    @property
    def address(self) -> str:
        """As `store.clips` writes it, without a folder."""
        return f"webhdfs://{USER}@127.0.0.1:{self.http}"

    def start(self) -> Hdfs:
        """Format, run, and wait until it takes files."""
        if not (self._folder / "name").is_dir():
            done = subprocess.run(
                [*self._java, NAME_NODE, "-format", "-nonInteractive"], capture_output=True, timeout=90, check=False
            )
            if done.returncode != 0:
                raise Missing(f"HDFS cannot be formatted: {done.stderr[-400:].decode(errors='replace')}")
        self.name_node.start()
        self.data_node.start()
        eventually(self._takes_files, "HDFS takes files")
        return self

    def stop(self) -> None:
        """The DataNode first."""
        self.data_node.stop()
        self.name_node.stop()

    def safe_mode(self, *, on: bool) -> None:
        """Read only, as an operator makes it."""
        command = ["org.apache.hadoop.hdfs.tools.DFSAdmin", "-safemode", "enter" if on else "leave"]
        subprocess.run([*self._java, *command], check=True, capture_output=True, timeout=60)

    def _daemon(self, name: str, is_up: Any) -> Program:
        log = self._folder / f"{name.rpartition('.')[2]}.log"
        return Program([*self._java, name], log, is_up, environment=self._environment)

    def _takes_files(self) -> bool:
        try:
            state = self._bean("FSNamesystemState")
            return state["NumLiveDataNodes"] == 1 and self._bean("NameNodeInfo")["Safemode"] == ""
        except (OSError, KeyError, IndexError):
            return False

    def _bean(self, name: str) -> Any:
        url = f"http://127.0.0.1:{self.http}/jmx?qry=Hadoop:service=NameNode,name={name}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["beans"][0]


def _write(path: Path, settings: dict[str, object]) -> None:
    lines = "".join(f"<property><name>{key}</name><value>{value}</value></property>" for key, value in settings.items())
    path.write_text(f"<configuration>{lines}</configuration>")
