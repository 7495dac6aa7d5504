// Keeps the status on the front page fresh. The page is complete without it: it shows what was
// true when it was loaded. Written for old engines; one without fetch does nothing.
(function () {
  var box = document.getElementById("status");
  if (!box || !window.fetch) { return; }

  function refresh() {
    if (document.hidden) { return; }
    fetch("/status", { cache: "no-store" }).then(function (answer) {
      if (!answer.ok) { throw new Error("no status"); }
      return answer.text();
    }).then(function (html) {
      box.innerHTML = html;
      box.className = "pane";
    }, function () {
      box.className = "pane stale";
    });
  }

  window.setInterval(refresh, 30000);
  document.addEventListener("visibilitychange", refresh);
})();
