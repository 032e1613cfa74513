import CKernels
import Foundation

/// The version of this package.
public enum ProgramVersion {
  /// Its number, such as `0.1.0`.
  public static let current = "0.1.0"

  /// What the program was made with and runs on, by name.
  static var surroundings: [(name: String, value: String)] {
    [
      // What stands in parentheses is where its sources are.
      ("compiler", String(String(cString: ck_compiler()).prefix { $0 != "(" }.dropLast(1))),
      ("system", ProcessInfo.processInfo.operatingSystemVersionString),
    ]
  }
}
