document.querySelectorAll("table.sorts th button").forEach(function(button){
  button.addEventListener("click",function(){
    var head=button.closest("th"),table=button.closest("table"),body=table.tBodies[0];
    var at=Array.prototype.indexOf.call(head.parentNode.children,head);
    var up=head.getAttribute("aria-sort")!=="ascending";
    table.querySelectorAll("th").forEach(function(th){th.removeAttribute("aria-sort")});
    head.setAttribute("aria-sort",up?"ascending":"descending");
    var key=function(row){var v=row.cells[at].dataset.sort;return v===""?NaN:isNaN(v)?v:+v};
    Array.prototype.slice.call(body.rows).sort(function(a,b){
      var x=key(a),y=key(b);if(x!==x)return 1;if(y!==y)return -1;
      return (x<y?-1:x>y?1:0)*(up?1:-1)}).forEach(function(row){body.appendChild(row)});
  });
});
