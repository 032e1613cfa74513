package import CKernels

/// The instruction sets of this processor that kernels are compiled for.
package let instructionSets = [CK_ISA_PORTABLE, CK_ISA_AVX2, CK_ISA_AVX512].filter {
  $0.rawValue <= ck_isa_available().rawValue
}

/// Calls `body` under each instruction set with its name, and then goes back to the best one.
package func forEachInstructionSet(_ body: (_ name: String) throws -> Void) rethrows {
  defer { ck_isa_use(ck_isa_available()) }
  for isa in instructionSets {
    ck_isa_use(isa)
    try body(["portable", "AVX2", "AVX-512"][Int(isa.rawValue)])
  }
}
