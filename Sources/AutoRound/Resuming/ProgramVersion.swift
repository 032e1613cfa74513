/// The version of this package.
public enum ProgramVersion {
  /// Its number, such as `0.1.0`.
  public static let current = "0.1.0"
}
