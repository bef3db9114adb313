#!/bin/sh
# A data team with images and boxes: masks of all boxes, a look at the doubtful ones, corrections by people, and a data
# set with them. `parts` has the images and boxes.json; one image is damaged, another lies elsewhere. `people` stands for
# people with an annotation tool.
set -eu
annotate="samara annotate parts/boxes.json --images parts/images --out masks"

# What would be done, then a few images, then the rest. The exit status is 1, because two images are quarantined.
$annotate --dry-run
$annotate --limit 2
! $annotate --resume --report
cat masks/quarantined.csv
cp masks/report.html first-report.html

# The report says where samara looked for the missing image, so it is put there, and the damaged one is replaced.
mv elsewhere/* parts/images
$annotate --resume --retry --report

# Without boxes: everything in the images.
samara annotate parts/images --out everything --points-per-side 8 --limit 2 --report

# What deserves a look, as tasks for Label Studio; what people made of them, first without taking it.
samara review masks
samara review masks --predicted-iou 1 --out tasks --label-studio-prefix '/data/local-files/?d=parts/images/'
people tasks/label-studio/tasks-0001.json project.json
samara review masks --corrections project.json --dry-run
samara review masks --corrections project.json
samara review masks --corrections project.json    # again: nothing changes

# The same by way of COCO, for the images that nobody has corrected yet.
samara review masks --predicted-iou 1 --format coco --out coco-tasks
people coco-tasks/coco.json corrected.json
samara review masks --corrections corrected.json

# The data set has the corrections, and no command loses them.
$annotate --resume --report
samara export-annotations masks --format coco,yolo --out data-set
! $annotate --overwrite 2> refused.txt
grep corrections refused.txt
