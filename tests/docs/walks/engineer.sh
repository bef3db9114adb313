#!/usr/bin/env bash
# An engineer with a laptop and photos: from a folder to masks that other programs read. Run in a folder with photos/.
set -euo pipefail

samara --version
samara segment photos --point 30,20 -o first                 # a folder
samara segment 'photos/*.png' --point 30,20 -o first -q      # a quoted pattern; the same images are replaced
test -f first/overlays/a.png
test -f first/overlays/trip/a.png                            # the same name in another folder
samara segment photos --points-per-side 3 -o all --save overlay,masks,cutouts,labels,json,sheet
test -f all/contact-sheet.jpg
ls all/labels/a.png all/overlays/trip/a.png

printf 'points_per_side = 3\nout = "configured"\nsave = ["json"]\n' > options.toml
samara segment photos/a.png --config options.toml --unique -v
test "$(ls configured)" = annotations.json

samara checkpoints add "$SAMARA_MINI" --name laptop
samara checkpoints list | grep laptop
samara segment photos/a.png --checkpoint laptop --box 5,5,50,35 -o named --opacity 0.5 --outline 1 --labels none --json
samara checkpoints remove laptop

! samara segment photos/nosuch.png -o none 2> error.txt
grep -q nosuch.png error.txt
! samara segment https://example.com/photo.jpg -o none 2> error.txt
grep -q -- --download error.txt
test ! -e none
