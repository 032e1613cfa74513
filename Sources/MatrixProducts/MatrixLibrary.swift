internal import COneDNN

/// The library that multiplies matrices.
package enum MatrixLibrary {
  /// Its version, and the instructions that it picks its kernels by, in its own numbering: two runs with
  /// equal texts compute products in the same way. `ONEDNN_MAX_CPU_ISA` changes the second.
  package static var description: String {
    let version = dnnl_version().pointee
    let instructions = String(dnnl_get_effective_cpu_isa().rawValue, radix: 16)
    return
      "oneDNN \(version.major).\(version.minor).\(version.patch), instructions 0x\(instructions)"
  }

  /// Whether products of bf16 and int8 are computed in tiles (AMX).
  package static var hasTiles: Bool {
    let tiles = dnnl_cpu_isa_avx512_core_amx.rawValue
    return dnnl_get_effective_cpu_isa().rawValue & tiles == tiles
  }
}
