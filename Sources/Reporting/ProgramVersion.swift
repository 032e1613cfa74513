import CKernels
import CVersion
import Foundation

/// The version of this package.
public enum ProgramVersion {
  /// The number that the next tag will have.
  private static let next = "0.1.0"

  /// What ``cv_stamp()`` gives: tag, commit, and what is said of changes.
  private static let stamp =
    String(cString: cv_stamp()).split(separator: "\n", omittingEmptySubsequences: false)
    .map(String.init)

  /// Its number: that of the commit's tag, such as `0.1.0`, else that of the next one as `0.1.0-dev`.
  public static let current = stamp.first.flatMap { $0.isEmpty ? nil : $0 } ?? "\(next)-dev"

  /// The commit that the program was built from, in hexadecimal digits, and whether files were changed after it; nil
  /// where that is not known, as in a program of one's own.
  public static let commit: String? = stamp.dropFirst().first.map {
    $0 + (stamp.last == "changed" ? ", with changes" : "")
  }

  /// The instructions that kernels are made of on this machine: `avx512-bf16`, `avx2` or `portable`.
  public static var kernels: String {
    switch ck_isa_current() {
    case CK_ISA_AVX512: "avx512-bf16"
    case CK_ISA_AVX2: "avx2"
    default: "portable"
    }
  }

  /// What the program was made with and runs on, by name.
  static var surroundings: [(name: String, value: String)] {
    (commit.map { [("commit", $0)] } ?? []) + [
      // What stands in parentheses is where its sources are.
      ("compiler", String(String(cString: ck_compiler()).prefix { $0 != "(" }.dropLast(1))),
      ("system", ProcessInfo.processInfo.operatingSystemVersionString),
    ]
  }

  /// What `autoround --version` says.
  ///
  /// - Parameter matrixLibrary: The library of the matrix products, with its version.
  package static func text(matrixLibrary: String) -> String {
    """
    autoround \(current)
    commit    \(commit ?? "unknown: not built by make")
    kernels   \(kernels)
    products  \(matrixLibrary)
    """
  }
}
