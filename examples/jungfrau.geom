; 32 modules of 1030 x 514 pixels of 75 um, as those of a Jungfrau 16M: four columns of eight, in four quadrants
; around a hole for the beam. The numbers are made up.
photon_energy = 9500 eV
clen = 0.12 m
res = 13333.333
adu_per_photon = 1
data = /entry/data/data
dim0 = %
dim2 = ss
dim3 = fs
rigid_group_collection_quadrants = upper_left,upper_right,lower_left,lower_right
rigid_group_upper_left = m0,m1,m4,m5,m8,m9,m12,m13
rigid_group_upper_right = m2,m3,m6,m7,m10,m11,m14,m15
rigid_group_lower_left = m16,m17,m20,m21,m24,m25,m28,m29
rigid_group_lower_right = m18,m19,m22,m23,m26,m27,m30,m31

m0/dim1 = 0
m0/min_fs = 0
m0/max_fs = 1029
m0/min_ss = 0
m0/max_ss = 513
m0/fs = +1.0000000x -0.0002713y
m0/ss = +0.0002713x +1.0000000y
m0/corner_x = -2134.529
m0/corner_y = -2227.047

m1/dim1 = 1
m1/min_fs = 0
m1/max_fs = 1029
m1/min_ss = 0
m1/max_ss = 513
m1/fs = +0.9999999x -0.0003781y
m1/ss = +0.0003781x +0.9999999y
m1/corner_x = -1067.892
m1/corner_y = -2226.403

m2/dim1 = 2
m2/min_fs = 0
m2/max_fs = 1029
m2/min_ss = 0
m2/max_ss = 513
m2/fs = +0.9999992x +0.0012443y
m2/ss = -0.0012443x +0.9999992y
m2/corner_x = 60.674
m2/corner_y = -2201.978

m3/dim1 = 3
m3/min_fs = 0
m3/max_fs = 1029
m3/min_ss = 0
m3/max_ss = 513
m3/fs = +1.0000000x +0.0002987y
m3/ss = -0.0002987x +1.0000000y
m3/corner_x = 1126.710
m3/corner_y = -2203.228

m4/dim1 = 4
m4/min_fs = 0
m4/max_fs = 1029
m4/min_ss = 0
m4/max_ss = 513
m4/fs = +0.9999998x +0.0006077y
m4/ss = -0.0006077x +0.9999998y
m4/corner_x = -2134.226
m4/corner_y = -1675.019

m5/dim1 = 5
m5/min_fs = 0
m5/max_fs = 1029
m5/min_ss = 0
m5/max_ss = 513
m5/fs = +0.9999998x +0.0005986y
m5/ss = -0.0005986x +0.9999998y
m5/corner_x = -1067.618
m5/corner_y = -1674.657

m6/dim1 = 6
m6/min_fs = 0
m6/max_fs = 1029
m6/min_ss = 0
m6/max_ss = 513
m6/fs = +0.9999999x +0.0003665y
m6/ss = -0.0003665x +0.9999999y
m6/corner_x = 62.231
m6/corner_y = -1652.310

m7/dim1 = 7
m7/min_fs = 0
m7/max_fs = 1029
m7/min_ss = 0
m7/max_ss = 513
m7/fs = +1.0000000x -0.0000551y
m7/ss = +0.0000551x +1.0000000y
m7/corner_x = 1129.075
m7/corner_y = -1652.631

m8/dim1 = 8
m8/min_fs = 0
m8/max_fs = 1029
m8/min_ss = 0
m8/max_ss = 513
m8/fs = +0.9999997x -0.0007934y
m8/ss = +0.0007934x +0.9999997y
m8/corner_x = -2135.067
m8/corner_y = -1127.147

m9/dim1 = 9
m9/min_fs = 0
m9/max_fs = 1029
m9/min_ss = 0
m9/max_ss = 513
m9/fs = +0.9999979x +0.0020610y
m9/ss = -0.0020610x +0.9999979y
m9/corner_x = -1068.958
m9/corner_y = -1125.755

m10/dim1 = 10
m10/min_fs = 0
m10/max_fs = 1029
m10/min_ss = 0
m10/max_ss = 513
m10/fs = +0.9999999x -0.0004129y
m10/ss = +0.0004129x +0.9999999y
m10/corner_x = 62.417
m10/corner_y = -1102.383

m11/dim1 = 11
m11/min_fs = 0
m11/max_fs = 1029
m11/min_ss = 0
m11/max_ss = 513
m11/fs = +1.0000000x -0.0001277y
m11/ss = +0.0001277x +1.0000000y
m11/corner_x = 1126.679
m11/corner_y = -1102.882

m12/dim1 = 12
m12/min_fs = 0
m12/max_fs = 1029
m12/min_ss = 0
m12/max_ss = 513
m12/fs = +0.9999998x -0.0006247y
m12/ss = +0.0006247x +0.9999998y
m12/corner_x = -2133.459
m12/corner_y = -576.217

m13/dim1 = 13
m13/min_fs = 0
m13/max_fs = 1029
m13/min_ss = 0
m13/max_ss = 513
m13/fs = +0.9999989x +0.0014651y
m13/ss = -0.0014651x +0.9999989y
m13/corner_x = -1068.140
m13/corner_y = -576.601

m14/dim1 = 14
m14/min_fs = 0
m14/max_fs = 1029
m14/min_ss = 0
m14/max_ss = 513
m14/fs = +1.0000000x +0.0000582y
m14/ss = -0.0000582x +1.0000000y
m14/corner_x = 62.883
m14/corner_y = -551.403

m15/dim1 = 15
m15/min_fs = 0
m15/max_fs = 1029
m15/min_ss = 0
m15/max_ss = 513
m15/fs = +0.9999988x +0.0015675y
m15/ss = -0.0015675x +0.9999988y
m15/corner_x = 1128.076
m15/corner_y = -550.875

m16/dim1 = 16
m16/min_fs = 0
m16/max_fs = 1029
m16/min_ss = 0
m16/max_ss = 513
m16/fs = +0.9999998x +0.0005969y
m16/ss = -0.0005969x +0.9999998y
m16/corner_x = -2157.312
m16/corner_y = 37.364

m17/dim1 = 17
m17/min_fs = 0
m17/max_fs = 1029
m17/min_ss = 0
m17/max_ss = 513
m17/fs = +1.0000000x -0.0000747y
m17/ss = +0.0000747x +1.0000000y
m17/corner_x = -1092.246
m17/corner_y = 38.771

m18/dim1 = 18
m18/min_fs = 0
m18/max_fs = 1029
m18/min_ss = 0
m18/max_ss = 513
m18/fs = +0.9999985x +0.0017287y
m18/ss = -0.0017287x +0.9999985y
m18/corner_x = 36.956
m18/corner_y = 61.967

m19/dim1 = 19
m19/min_fs = 0
m19/max_fs = 1029
m19/min_ss = 0
m19/max_ss = 513
m19/fs = +0.9999999x +0.0004347y
m19/ss = -0.0004347x +0.9999999y
m19/corner_x = 1104.794
m19/corner_y = 62.219

m20/dim1 = 20
m20/min_fs = 0
m20/max_fs = 1029
m20/min_ss = 0
m20/max_ss = 513
m20/fs = +0.9999999x -0.0005432y
m20/ss = +0.0005432x +0.9999999y
m20/corner_x = -2156.874
m20/corner_y = 587.441

m21/dim1 = 21
m21/min_fs = 0
m21/max_fs = 1029
m21/min_ss = 0
m21/max_ss = 513
m21/fs = +0.9999988x -0.0015177y
m21/ss = +0.0015177x +0.9999988y
m21/corner_x = -1091.760
m21/corner_y = 587.869

m22/dim1 = 22
m22/min_fs = 0
m22/max_fs = 1029
m22/min_ss = 0
m22/max_ss = 513
m22/fs = +0.9999985x -0.0017492y
m22/ss = +0.0017492x +0.9999985y
m22/corner_x = 39.020
m22/corner_y = 613.334

m23/dim1 = 23
m23/min_fs = 0
m23/max_fs = 1029
m23/min_ss = 0
m23/max_ss = 513
m23/fs = +1.0000000x +0.0002872y
m23/ss = -0.0002872x +1.0000000y
m23/corner_x = 1102.682
m23/corner_y = 612.604

m24/dim1 = 24
m24/min_fs = 0
m24/max_fs = 1029
m24/min_ss = 0
m24/max_ss = 513
m24/fs = +0.9999999x +0.0004289y
m24/ss = -0.0004289x +0.9999999y
m24/corner_x = -2157.559
m24/corner_y = 1139.479

m25/dim1 = 25
m25/min_fs = 0
m25/max_fs = 1029
m25/min_ss = 0
m25/max_ss = 513
m25/fs = +0.9999996x -0.0008835y
m25/ss = +0.0008835x +0.9999996y
m25/corner_x = -1092.343
m25/corner_y = 1138.506

m26/dim1 = 26
m26/min_fs = 0
m26/max_fs = 1029
m26/min_ss = 0
m26/max_ss = 513
m26/fs = +1.0000000x +0.0002949y
m26/ss = -0.0002949x +1.0000000y
m26/corner_x = 36.568
m26/corner_y = 1161.885

m27/dim1 = 27
m27/min_fs = 0
m27/max_fs = 1029
m27/min_ss = 0
m27/max_ss = 513
m27/fs = +0.9999999x +0.0005212y
m27/ss = -0.0005212x +0.9999999y
m27/corner_x = 1102.677
m27/corner_y = 1162.805

m28/dim1 = 28
m28/min_fs = 0
m28/max_fs = 1029
m28/min_ss = 0
m28/max_ss = 513
m28/fs = +0.9999982x -0.0018820y
m28/ss = +0.0018820x +0.9999982y
m28/corner_x = -2159.112
m28/corner_y = 1687.243

m29/dim1 = 29
m29/min_fs = 0
m29/max_fs = 1029
m29/min_ss = 0
m29/max_ss = 513
m29/fs = +0.9999988x +0.0015381y
m29/ss = -0.0015381x +0.9999988y
m29/corner_x = -1093.258
m29/corner_y = 1687.848

m30/dim1 = 30
m30/min_fs = 0
m30/max_fs = 1029
m30/min_ss = 0
m30/max_ss = 513
m30/fs = +0.9999995x +0.0010108y
m30/ss = -0.0010108x +0.9999995y
m30/corner_x = 38.148
m30/corner_y = 1713.150

m31/dim1 = 31
m31/min_fs = 0
m31/max_fs = 1029
m31/min_ss = 0
m31/max_ss = 513
m31/fs = +0.9999976x -0.0021735y
m31/ss = +0.0021735x +0.9999976y
m31/corner_x = 1103.335
m31/corner_y = 1711.746
