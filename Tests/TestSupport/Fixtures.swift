public import Foundation

/// Where the files that tests read are.
public enum Fixtures {
  /// The root of the package.
  public static let package = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// `Tests/Fixtures`: oracles computed by the reference systems; its README says how.
  public static let folder = package.appending(path: "Tests/Fixtures")

  /// `Examples`: the model and the texts that ship with the project.
  public static let examples = package.appending(path: "Examples")
}
