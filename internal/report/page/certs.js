
const select = document.getElementById('label');
const rows = document.querySelectorAll('tbody tr');
function filter() {
  let shown = 0;
  for (const row of rows) {
    row.hidden = select.value !== '' && !row.classList.contains(select.value);
    if (!row.hidden) shown++;
  }
  document.querySelector('output').textContent = shown + ' of ' + rows.length + ' shown';
}
select.addEventListener('change', filter);
select.form.hidden = false;
filter(); // a reloaded page keeps its choice
